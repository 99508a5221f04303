import { digestOf } from '@gatehouse/canonical';
import {
  decide,
  evolve,
  noModel,
  type Actor,
  type Bound,
  type Context,
  type Fact,
  type ModelEvent,
  type ModelState,
  type Registered,
} from '@gatehouse/domain';

type Metrics = { readonly [metric: string]: number };
type Evaluation = {
  readonly suite: string;
  readonly at?: string;
  readonly metrics: Metrics;
  readonly thresholds?: { readonly [metric: string]: Bound };
};
type Approval = {
  readonly by: string;
  readonly at?: string;
  readonly capacities?: readonly string[];
  readonly decision?: 'approve' | 'reject';
};

const NOBODY: Actor = { id: 'somebody-before', kind: 'service' };

/** What led up to a promotion that is only thought of: facts, as the log would hold them. */
export class Past {
  readonly state: ModelState = noModel();
  private revision = 0n;

  constructor(private readonly context: Context) {}

  /** A version is live that measured so much. Suite by suite, as in `playCase`. */
  *goesLive(suites: { readonly [suite: string]: Metrics }): Generator<void, void> {
    const version = this.registers(NOBODY.id, { changelog: 'before', manifest: { config: 'what is live' } });
    for (const [suite, metrics] of Object.entries(suites)) yield this.evaluates(version, { suite, metrics });
    const { digest } = this.state.versions[version - 1]!;
    const evidence = { registered: '0', evaluations: [], approvals: [], rules: [], deltas: {} };
    this.happens(
      {
        type: 'model.Promoted',
        data: { version, digest, pointer: 1, evidence: { ...evidence, policy: this.context.policy.ref } },
      },
      NOBODY,
    );
  }

  registers(registrar: string, data: Omit<Registered, 'version' | 'digest'>): number {
    const version = this.state.versions.length + 1;
    this.happens(
      { type: 'model.Registered', data: { version, digest: digestOf(data.manifest), ...data } },
      { id: registrar, kind: 'service' },
    );
    return version;
  }

  /** By the real rules: they say what it comes to. */
  evaluates(version: number, { suite, at, metrics, thresholds = {} }: Evaluation): void {
    const now = at === undefined ? this.context.now : new Date(at).toISOString();
    const data = { version, suite, dataset: { name: suite }, metrics, thresholds };
    const [event] = decide({ verb: 'evaluate', data }, this.state, {
      ...this.context,
      now,
      eventId: `event-${this.revision}`,
    });
    if (event) this.happens(event, NOBODY, now);
  }

  /** On what is on the table, whether or not it would have been taken: that is for the promotion to find out. */
  decides(number: number, { by, at, capacities = [], decision = 'approve' }: Approval): void {
    const { version, digest, evaluated } = this.state.versions[number - 1]!;
    const type = decision === 'approve' ? 'model.Approved' : 'model.Rejected';
    const data = { version, digest, evaluated, capacities, policy: this.context.policy.ref };
    this.happens({ type, data }, { id: by, kind: 'user' }, at && new Date(at).toISOString());
  }

  private happens(event: ModelEvent, actor: Actor, time = this.context.now): void {
    const revision = this.revision++;
    const id = `event-${revision}`;
    const meta = { id, time, tenant: 'case', actor, auth: { method: 'header' as const } };
    const command = { id, fingerprint: '' };
    const fact: Fact = {
      ...event,
      id,
      revision,
      position: revision,
      meta: { ...meta, command, correlation: id, schema: 1 },
    };
    evolve(this.state, fact);
  }
}
