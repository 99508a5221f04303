import { createHash } from 'node:crypto';
import {
  type Actor,
  type Command,
  decide,
  evolve,
  type Fact,
  type ModelEvent,
  modelStream,
  noModel,
  type ModelState,
  type Policy,
  type PolicyDocument,
  Rejected,
} from '@gatehouse/domain';
import type { EventStore, JsonObject, NewEvent } from '@gatehouse/eventsourcing';

const digest = (value: unknown) =>
  `sha256:${createHash('sha256').update(JSON.stringify(value)).digest('hex')}`;
const BUILT_IN: PolicyDocument = {
  policy: 'built-in',
  models: ['*'],
  production: { approvals: [{ count: 1 }] },
};
const START = Date.parse('2026-03-01T00:00:00.000Z');

export const CI: Actor = { id: 'ci', kind: 'service' };
export const PEOPLE: Actor[] = ['rosa', 'bob', 'dana'].map((id) => ({ id, kind: 'user' }));

/** The life of models, decided by the real rules, written to a store; `states` is what the domain makes of it. */
export class Lives {
  readonly states = new Map<string, ModelState>();
  private readonly policy: Policy;
  private clock = START;
  private count = 0;

  constructor(
    private readonly store: Pick<EventStore, 'append'>,
    document = BUILT_IN,
  ) {
    this.policy = {
      ref: { name: document.policy, version: 1, digest: digest('policy') },
      document,
      evaluate: () => ({ because: 'there are no expressions here' }),
      inWeek: () => false,
    };
  }

  /** Issues a command; answers the events it made, or null where the rules refuse it. A second later every time. */
  async issue(
    tenant: string,
    model: string,
    command: Command,
    actor: Actor = CI,
  ): Promise<NewEvent[] | null> {
    const stream = modelStream(tenant, model);
    const state = this.states.get(stream) ?? noModel();
    const id = uuid(`${stream}/${this.count++}`);
    const time = new Date((this.clock += 1000)).toISOString();
    const revision = this.revisions.get(stream) ?? -1n;
    const decided = this.decided(state, id, time, model, command, actor);
    if (decided === null) return null;
    const events = decided.map(({ type, data }) => ({
      id,
      type,
      data: data,
      meta: metaOf(id, time, tenant, model, actor),
    }));
    if (events.length === 0) return events;
    const appended = await this.store.append(stream, revision, events);
    for (const event of events) evolve(state, { ...event, ...appended } as unknown as Fact);
    this.states.set(stream, state);
    this.revisions.set(stream, appended.revision);
    return events;
  }

  /** What the rules would make of a command now; null where they refuse it. Nothing is written. */
  would(tenant: string, model: string, command: Command, actor: Actor = CI): readonly ModelEvent[] | null {
    const state = this.states.get(modelStream(tenant, model)) ?? noModel();
    return this.decided(state, uuid('would'), new Date(this.clock).toISOString(), model, command, actor);
  }

  private decided(
    state: ModelState,
    eventId: string,
    now: string,
    model: string,
    command: Command,
    actor: Actor,
  ): readonly ModelEvent[] | null {
    const context = { now, eventId, actor, model, capacities: [], holds: () => false, digest };
    try {
      return decide(command, state, { ...context, policy: this.policy });
    } catch (error) {
      if (error instanceof Rejected) return null;
      throw error;
    }
  }

  private readonly revisions = new Map<string, bigint>();
}

/** A command that often makes sense, chosen by `next`: numbers from 0 to below `n`. */
export function randomCommand(
  next: (n: number) => number,
  versions: number,
): { command: Command; actor: Actor } {
  const version = 1 + next(Math.max(1, versions));
  const actor = PEOPLE[next(PEOPLE.length)]!;
  const roll = next(20);
  if (versions === 0 || roll < 4) return { command: register(`seed ${next(1_000_000)}`), actor: CI };
  if (roll < 9)
    return { command: evaluate(version, 80 + next(20), next(3) === 0 ? 'stress' : 'holdout'), actor: CI };
  if (roll < 13) return { command: approve(version, next(4) === 0 ? 'reject' : 'approve'), actor };
  if (roll < 17) return { command: { verb: 'promote', data: { version } }, actor };
  if (roll < 19) {
    const to = [undefined, undefined, 0, 1 + next(versions)][next(4)];
    return {
      command: {
        verb: 'rollBack',
        data: { from: version, reason: 'drift', ...(to !== undefined && { to }) },
      },
      actor,
    };
  }
  return { command: { verb: 'deprecate', data: { version, sunset: '2027-01-31' } }, actor };
}

export function register(seed: string, label?: string): Command {
  return {
    verb: 'register',
    data: {
      digest: digest(seed),
      ...(label !== undefined && { label }),
      changelog: `Trained with ${seed}`,
      author: 'dana',
      manifest: { config: { seed } },
    },
  };
}

export function evaluate(version: number, percent: number, suite = 'holdout'): Command {
  return {
    verb: 'evaluate',
    data: {
      version,
      suite,
      dataset: { name: suite, size: 12_000 },
      metrics: { f1: percent / 100, '9lives': percent },
      thresholds: { f1: { min: 0.85 } },
    },
  };
}

export function approve(version: number, decision: 'approve' | 'reject' = 'approve'): Command {
  return { verb: 'approve', data: { version, decision, comment: 'as seen' } };
}

/** Numbers that look random and are the same every time. */
export function randomFrom(seed: number): (n: number) => number {
  let state = seed >>> 0;
  return (n) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % n;
  };
}

function metaOf(id: string, time: string, tenant: string, model: string, actor: Actor): JsonObject {
  return {
    id,
    time,
    tenant,
    model,
    actor: { ...actor },
    auth: { method: 'header' },
    command: { id, fingerprint: 'f' },
    correlation: `correlation of ${id}`,
    schema: 1,
  };
}

function uuid(seed: string): string {
  const hex = createHash('sha1').update(seed).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
