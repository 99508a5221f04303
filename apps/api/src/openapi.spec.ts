import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(__dirname, '../../..');

/** Of the built app (`npm test` builds it first). */
function generated(): string {
  return execFileSync(process.execPath, [join(ROOT, 'dist/apps/api/src/openapi.main.js')], {
    encoding: 'utf8',
    env: { ...process.env, NODE_OPTIONS: '' },
  });
}

describe('openapi.json', () => {
  const text = generated();
  const document = JSON.parse(text) as {
    openapi: string;
    paths: Record<
      string,
      Record<string, { operationId: string; responses: Record<string, { content?: object }> }>
    >;
    components: { schemas: Record<string, { properties?: Record<string, { description?: string }> }> };
  };

  it('is what the built app generates (npm run generate)', () => {
    expect(readFileSync(join(ROOT, 'openapi.json'), 'utf8')).toBe(text);
  });

  it('is OpenAPI 3.1, and every success says what it holds', () => {
    expect(document.openapi).toBe('3.1.0');
    expect(text).not.toContain('"nullable"');
    const operations = Object.values(document.paths).flatMap((path) => Object.values(path));
    const silent = operations.filter(({ responses }) =>
      Object.entries(responses).some(
        ([status, { content }]) => status.startsWith('2') && content === undefined,
      ),
    );
    expect(silent.map(({ operationId }) => operationId)).toEqual([]);
    expect(new Set(operations.map(({ operationId }) => operationId)).size).toBe(operations.length);
  });

  it('has each schema from one class: of two with one name Nest would keep one', () => {
    const classes = ['apps', 'libs'].flatMap((folder) =>
      readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
        .filter((file) => file.endsWith('.dto.ts'))
        .flatMap((file) => [
          ...readFileSync(join(ROOT, folder, file), 'utf8').matchAll(/^(?:export )?class (\w+)/gm),
        ])
        .map(([, name]) => name!),
    );
    expect(classes.length).toBeGreaterThan(80);
    expect(classes.filter((name, i) => classes.indexOf(name) < i)).toEqual([]);
  });

  it('leaves open what a member is only where it may be any JSON', () => {
    const { schemas } = document.components;
    const open = Object.entries(schemas).flatMap(([name, { properties = {} }]) =>
      Object.entries(properties)
        .filter(([, { description: _, ...schema }]) => Object.keys(schema).length === 0)
        .map(([member]) => `${name}.${member}`),
    );
    expect(open.sort()).toEqual([
      'ChangeDto.after',
      'ChangeDto.before',
      'DifferenceDto.expected',
      'DifferenceDto.got',
      'ManifestDto.config',
      'ManifestDto.prompt',
      'ManifestDto.retrieval',
      'RuleDto.observed',
      'RuleDto.required',
    ]);
  });
});
