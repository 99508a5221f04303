import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

// What the headers of Node 24.19 and later put into a module that derives from node::ObjectWrap, as this one does.
const ABORTS = 'RemoveEnvironmentCleanupHook';
const MODULE = 'build/Release/better_sqlite3.node';

/**
 * Throws where the SQLite module was built against headers that make it abort the process, at some garbage collection, long
 * after the start (docs/adr/014). Better not to start at all.
 */
export function refuseModuleThatAborts(
  file = join(dirname(require.resolve('better-sqlite3/package.json')), MODULE),
): void {
  if (!existsSync(file) || !readFileSync(file).includes(ABORTS)) return;
  throw new Error(
    `${file} was built on Node 24.19 or later, and would abort the process: build it on Node 20, 22 or 24.18.1, or use the image (docs/adr/014)`,
  );
}
