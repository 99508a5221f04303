import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { decode, Undecodable } from './codec';
import type { ModelEvent } from './events';
import { decodePolicy, type PolicyEvent } from './policy';

const FOLDER = join(__dirname, '../golden');

type Golden = {
  stored: { type: string; data: { [key: string]: unknown }; meta: { [key: string]: unknown } };
  means: ModelEvent | PolicyEvent;
};

const files = readdirSync(FOLDER).filter((file) => file.endsWith('.json'));

/** One file for each stored name there ever was: added, never edited. */
it.each(files)('%s still means what it meant', (file) => {
  const { stored, means } = JSON.parse(readFileSync(join(FOLDER, file), 'utf8')) as Golden;
  const read = stored.type.startsWith('policy.') ? decodePolicy : decode;
  const { type, data, meta } = read({ id: 'x', position: 1n, revision: 0n, ...stored });
  expect({ type, data }).toEqual(means);
  expect(meta).toEqual(stored.meta);
});

const policyTypes: Record<PolicyEvent['type'], true> = {
  'policy.Published': true,
  'policy.Activated': true,
};

it('there is a golden file for every event that can be decoded', () => {
  const types: Record<ModelEvent['type'], true> = {
    'model.Registered': true,
    'model.Evaluated': true,
    'model.Approved': true,
    'model.Rejected': true,
    'model.Promoted': true,
    'model.RolledBack': true,
    'model.Deprecated': true,
    'model.BreakGlassReviewed': true,
  };
  // `model.Approved.capacities.json`: the same name with an optional member that came later.
  const names = new Set(files.map((file) => file.split('.').slice(0, 2).join('.')));
  expect([...names].sort()).toEqual(Object.keys({ ...types, ...policyTypes }).sort());
});

it('a stored name or a schema from the future is not guessed at', () => {
  const stored = { id: 'x', position: 7n, revision: 0n, type: 'model.Cloned', data: {}, meta: { schema: 1 } };
  expect(() => decode(stored)).toThrow(Undecodable);
  expect(() => decode({ ...stored, type: 'model.Approved', meta: { schema: 2 } })).toThrow(
    'position 7: unknown schema 2',
  );
});
