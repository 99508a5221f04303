import { createHash } from 'node:crypto';

import { decide } from '../decide';
import { decode } from '../codec';
import type { Command, Opinion, Policy, Variables } from '../commands';
import type { Actor, Fact, Manifest, ModelEvent, Registered } from '../events';
import type { PolicyDocument } from '../policy-document';
import { Rejected, type RejectionCode } from '../rejections';
import { evolve, noModel, type ModelState } from '../state';

/** The built-in policy, as `libs/policy` has it. */
export const POLICY: Policy = policyOf({
  policy: 'built-in',
  models: ['*'],
  staging: { evaluations: { min: 1, every: 'passed' } },
  production: { approvals: [{ count: 1 }] },
  deprecation: { notice: 'P30D' },
});

/** A policy from its document. Its expressions are read as plain JavaScript: what CEL makes of them is not the domain's. */
export function policyOf(document: PolicyDocument, inWeek: Policy['inWeek'] = () => false): Policy {
  return {
    ref: { name: document.policy, version: 1, digest: digest(document) },
    document,
    evaluate: (expr, variables) => SAYS[expr]?.(variables) ?? { because: 'it says nothing' },
    inWeek,
  };
}

const SAYS: { readonly [expr: string]: (variables: Variables) => Opinion } = {
  yes: () => ({ holds: true }),
  no: () => ({ holds: false }),
  'a risk officer approved': ({ approvals }) => ({
    holds: (approvals as { capacities: string[] }[]).some(({ capacities }) => capacities.includes('risk')),
  }),
  'has a code': ({ manifest }) => ({ holds: (manifest as Manifest).code !== undefined }),
};
export const CI: Actor = { id: 'ci', kind: 'service' };
export const ANN: Actor = { id: 'ann', kind: 'user' };
export const BOB: Actor = { id: 'bob', kind: 'user' };
export const NOON = '2026-03-01T12:00:00.000Z';

/** What comes back from a command in a scenario. */
export type Said = { readonly event: ModelEvent | null; readonly refused: Rejected | null };

/** A history made of commands, and the state that folds out of it. */
export class Scenario {
  readonly facts: Fact[] = [];
  state: ModelState = noModel();
  now = NOON;
  policy = POLICY;
  /** Who holds which capacities now. */
  readonly capacities: Record<string, string[]> = {};
  /** Whose groups make them a reviewer now. */
  readonly groups: Record<string, string[]> = {};
  /** The key that somebody comes with. */
  readonly keys: Record<string, string> = {};
  /** Who made a key. */
  readonly makers: Record<string, string[]> = {};
  /** Who may no longer decide on versions. */
  readonly dismissed = new Set<string>();

  /** Runs a command that has to be accepted, or to be so already. */
  given(actor: Actor, command: Command): this {
    const { refused } = this.when(actor, command);
    if (refused) throw refused;
    return this;
  }

  /** Runs a command and says what came of it. */
  when(actor: Actor, command: Command): Said {
    try {
      const id = uuid(this.facts.length);
      const [event] = decide(command, this.state, {
        now: this.now,
        eventId: id,
        actor,
        model: 'm',
        policy: this.policy,
        capacities: this.capacities[actor.id] ?? [],
        groups: this.groups[actor.id],
        makers: this.makersOf(this.keys[actor.id]),
        makersOf: (key) => this.makersOf(key),
        holds: (id, capacity) => this.capacities[id]?.includes(capacity) ?? false,
        mayDecide: (id) => !this.dismissed.has(id),
        registration: this.registrationOf(command),
        digest,
      });
      if (event) this.record(id, actor, event);
      return { event: event ?? null, refused: null };
    } catch (error) {
      if (!(error instanceof Rejected)) throw error;
      return { event: null, refused: error };
    }
  }

  /** The code of the refusal, or 'event', or 'nothing'. */
  answer(actor: Actor, command: Command): RejectionCode | ModelEvent['type'] | 'nothing' {
    const { event, refused } = this.when(actor, command);
    return refused?.code ?? event?.type ?? 'nothing';
  }

  private makersOf(key = ''): string[] {
    return this.makers[key] ?? [];
  }

  private registrationOf({ verb, data }: Command): Registered | undefined {
    const version = verb === 'promote' ? this.state.versions[data.version - 1] : undefined;
    return version && (this.facts[Number(version.registered)]!.data as Registered);
  }

  private record(id: string, actor: Actor, event: ModelEvent): void {
    const revision = BigInt(this.facts.length);
    const credential = this.keys[actor.id];
    const meta = {
      id,
      time: this.now,
      tenant: 'acme',
      model: 'm',
      actor,
      auth: credential === undefined ? { method: 'header' } : { method: 'key', credential },
      command: { id, fingerprint: digest(event) },
      correlation: id,
      schema: 1,
    };
    // What is stored is JSON: whatever does not survive that is not part of the event.
    const data = JSON.parse(JSON.stringify(event.data)) as { [key: string]: unknown };
    const fact = decode({ id, type: event.type, data, meta, revision, position: revision * 3n + 1n });
    this.facts.push(fact);
    evolve(this.state, fact);
  }
}

export function digest(value: unknown): string {
  return `sha256:${createHash('sha256').update(JSON.stringify(value)).digest('hex')}`;
}

function uuid(n: number): string {
  return `00000000-0000-5000-8000-${String(n).padStart(12, '0')}`;
}

/** Short ways to say the commands. */
export const say = {
  register: (
    what: string,
    more: { label?: string; author?: string; changelog?: string; parent?: number } = {},
  ): Command => {
    const { parent, ...rest } = more;
    return {
      verb: 'register',
      data: {
        digest: digest(what),
        changelog: 'better',
        manifest: { config: what, ...(parent && { parent }) },
        ...rest,
      },
    };
  },
  evaluate: (
    version: number,
    f1: number,
    more: { suite?: string; bound?: object; metrics?: Record<string, number> } = {},
  ): Command => ({
    verb: 'evaluate',
    data: {
      version,
      suite: more.suite ?? 'holdout',
      dataset: { name: 'd' },
      metrics: more.metrics ?? { f1 },
      thresholds: { f1: more.bound ?? { min: 0.9 } },
    },
  }),
  decide: (
    version: number,
    decision: 'approve' | 'reject' = 'approve',
    more: { digest?: string; evaluated?: string } = {},
  ): Command => ({
    verb: 'approve',
    data: { version, decision, ...more },
  }),
  promote: (version: number, ifPointer?: number): Command => ({
    verb: 'promote',
    data: { version, ...(ifPointer !== undefined && { ifPointer }) },
  }),
  rollBack: (from: number | string, to?: number, ifPointer?: number): Command => ({
    verb: 'rollBack',
    data: {
      from,
      reason: 'latency',
      ...(to !== undefined && { to }),
      ...(ifPointer !== undefined && { ifPointer }),
    },
  }),
  deprecate: (version: number, sunset = '2026-06-01', successor?: number): Command => ({
    verb: 'deprecate',
    data: { version, sunset, ...(successor !== undefined && { successor }) },
  }),
};

/** Versions 1 … n, each registered by `ci`, evaluated well and approved by ann. */
export function approved(n: number): Scenario {
  const scenario = new Scenario();
  for (let version = 1; version <= n; version++)
    scenario
      .given(CI, say.register(`v${version}`, { label: `1.${version}.0` }))
      .given(CI, say.evaluate(version, 0.95))
      .given(ANN, say.decide(version));
  return scenario;
}

/** The same, and promoted one after the other: n is live. */
export function promoted(n: number): Scenario {
  const scenario = approved(n);
  for (let version = 1; version <= n; version++) scenario.given(BOB, say.promote(version));
  return scenario;
}
