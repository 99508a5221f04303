import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { PERMISSIONS, ROLES, type Permission } from './roles';

const ROOT = join(__dirname, '../../..');

/** The table of docs/access.md. */
function permissionsTable(): string {
  const rows = Object.entries<Permission>(PERMISSIONS).map(([operation, { what, scope, roles }]) => {
    const who =
      roles.length === ROLES.length ? 'whoever is known' : roles.map((role) => `\`${role}\``).join(', ');
    return `| \`${operation}\` | ${what} | ${scope} | ${who || 'the platform key'} |`;
  });
  return ['| operation | to … | scope | takes |', '| --- | --- | --- | --- |', ...rows].join('\n');
}

const words = (text: string) => text.replace(/-{3,}/g, '---').replace(/ {2,}/g, ' ');

it('docs/access.md has the table that the guard goes by, word for word', () => {
  const page = readFileSync(join(ROOT, 'docs/access.md'), 'utf8');
  expect(words(page)).toContain(words(permissionsTable()));
});

it('SECURITY.md names, for every threat, proofs that there are', () => {
  const page = readFileSync(join(ROOT, 'SECURITY.md'), 'utf8');
  const files = ['apps', 'libs', 'test'].flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' }).map((path) => basename(path)),
  );
  const [, , ...threats] = page.split('\n').filter((line) => line.startsWith('|'));
  const named = threats.map((row) => row.match(/[\w-]+\.spec\.ts/g) ?? []);
  expect(named.filter((specs) => specs.length === 0)).toEqual([]);
  expect(named.flat().filter((spec) => !files.includes(spec))).toEqual([]);
});
