import { digestOf } from '@gatehouse/canonical';
import {
  decode,
  evolve,
  looksAtManifest,
  matchesPattern,
  modelStream,
  noModel,
  wouldRefuse,
  type Context,
  type Fact,
  type MissingApproval,
  type ModelState,
  type Policy,
  type Registration,
  type Rule,
} from '@gatehouse/domain';
import { LookedAt, Slices, type EventStore, type Recorded } from '@gatehouse/eventsourcing';

/** One line of a backtest: a promotion that would have been refused, how far it is, and the end. */
export type BacktestLine =
  | {
      readonly type: 'refused';
      readonly model: string;
      readonly version: number;
      readonly position: string;
      readonly time: string;
      readonly code: string;
      readonly detail: string;
      /** The rules that did not pass. */
      readonly gate: readonly Rule[];
      readonly missing: readonly MissingApproval[];
    }
  | ({ readonly type: 'progress' | 'done' } & Counts);

export type Counts = { models: number; promotions: number; refused: number; events: number };

export type Backtest = {
  readonly store: EventStore;
  readonly tenant: string;
  /** The models to look through, by name. */
  readonly models: AsyncIterable<string>;
  readonly policy: Policy;
  /** Who made a key, which never changes. */
  readonly makersOf: (key: string) => readonly string[];
  readonly signal: AbortSignal;
};

type Promoted = Fact & { readonly type: 'model.Promoted' };

const TELL_EVERY_MS = 500;

/**
 * Judges the past promotions of a tenant by a policy, each on what was so before it: one model after the other, so that one
 * state is held at a time, and of manifests those of the versions registered last. Of capacities it knows what was recorded, and takes it that nobody has lost theirs since.
 */
export async function* backtest({ store, tenant, models, policy, makersOf, signal }: Backtest) {
  const counts: Counts = { models: 0, promotions: 0, refused: 0, events: 0 };
  const slices = new Slices();
  const looked = new LookedAt(store);
  let told = performance.now();
  for await (const model of models) {
    if (!policy.document.models.some((pattern) => matchesPattern(pattern, model))) continue;
    counts.models++;
    const replay = new Replay(model, modelStream(tenant, model), { policy, makersOf }, looked);
    for await (const recorded of store.read(replay.stream)) {
      if (signal.aborted) return;
      counts.events++;
      const line = await replay.next(recorded, counts);
      if (line) yield line;
      if (performance.now() - told > TELL_EVERY_MS) {
        told = performance.now();
        yield { type: 'progress', ...counts } satisfies BacktestLine;
      }
      if (slices.over()) await slices.next();
    }
  }
  yield { type: 'done', ...counts } satisfies BacktestLine;
}

/** One model, from its first event on. */
class Replay {
  private readonly state: ModelState = noModel();
  private readonly keeps: boolean;

  constructor(
    private readonly model: string,
    readonly stream: string,
    private readonly by: Pick<Backtest, 'policy' | 'makersOf'>,
    private readonly looked: LookedAt,
  ) {
    this.keeps = looksAtManifest(by.policy.document);
  }

  async next(recorded: Recorded, counts: Counts): Promise<BacktestLine | null> {
    const fact = decode(recorded);
    if (fact.type === 'model.Registered' && this.keeps) this.looked.keep(recorded);
    const line =
      fact.type === 'model.Promoted' ? this.judge(fact, await this.registrationOf(fact), counts) : null;
    evolve(this.state, fact);
    return line;
  }

  /** What was registered, where the policy looks at it. */
  private async registrationOf({ data }: Promoted): Promise<Registration | undefined> {
    const revision = this.keeps ? this.state.versions[data.version - 1]?.registered : undefined;
    if (revision === undefined) return undefined;
    // What `registered` names is the event that registered the version.
    return (await this.looked.at(this.stream, revision)).data as Registration;
  }

  private judge(fact: Promoted, registration: Registration | undefined, counts: Counts): BacktestLine | null {
    counts.promotions++;
    const { version, breakGlass } = fact.data;
    const glass = breakGlass && { reason: breakGlass.reason };
    const trial = wouldRefuse(this.state, { version, breakGlass: glass }, this.contextOf(fact, registration));
    if (!trial) return null;
    counts.refused++;
    return {
      type: 'refused',
      model: this.model,
      version,
      position: String(fact.position),
      time: fact.meta.time,
      code: trial.code ?? '',
      detail: trial.detail ?? '',
      gate: trial.production.filter(({ verdict }) => verdict !== 'pass'),
      missing: trial.missing,
    };
  }

  private contextOf({ id, meta, data }: Promoted, registration: Registration | undefined): Context {
    const { capacity } = data.breakGlass ?? {};
    return {
      now: meta.time,
      eventId: id,
      actor: meta.actor,
      model: this.model,
      ...this.by,
      capacities: capacity === undefined ? [] : [capacity],
      holds: () => true,
      registration,
      digest: digestOf,
    };
  }
}
