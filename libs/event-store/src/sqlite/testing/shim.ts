import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

/** Compiles one of the libraries beside this file, for LD_PRELOAD. Needs a C compiler, as npm ci does. */
export function compileShim(name: string, folder: string): string {
  const library = join(folder, `${name}.so`);
  execFileSync('cc', [
    '-shared',
    '-fPIC',
    '-O2',
    '-o',
    library,
    join(__dirname, `${name}.c`),
    '-ldl',
    '-pthread',
  ]);
  return library;
}
