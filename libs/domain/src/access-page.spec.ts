import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PERMISSIONS, ROLES, type Permission } from './roles';

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
  const page = readFileSync(join(__dirname, '../../../docs/access.md'), 'utf8');
  expect(words(page)).toContain(words(permissionsTable()));
});
