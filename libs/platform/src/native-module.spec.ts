import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { refuseModuleThatAborts } from './native-module';

describe('the SQLite module', () => {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-native-'));
  const built = (symbols: string) => {
    const file = join(folder, 'better_sqlite3.node');
    writeFileSync(file, Buffer.from(`\x7fELF\0_ZN4node26AddEnvironmentCleanupHook\0${symbols}\0`));
    return file;
  };
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('is refused where it would abort the process, and what to do is said', () => {
    const file = built('_ZN4node28RemoveEnvironmentCleanupHookEPN2v87Isolate');
    expect(() => refuseModuleThatAborts(file)).toThrow(/better_sqlite3\.node.*Node 20, 22 or 24\.18\.1/s);
  });

  it('is taken otherwise, like the one that this process has', () => {
    expect(() => refuseModuleThatAborts(built(''))).not.toThrow();
    expect(() => refuseModuleThatAborts()).not.toThrow();
  });
});
