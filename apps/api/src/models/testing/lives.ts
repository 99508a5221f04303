import type { Edge } from '../../testing/edge';
import { httpDoor, type Ask, type Told } from './doors';

/** A body to register with: each `n` is another manifest, so another version. */
export const release = (n: number, more: object = {}) => ({
  label: `${n}.0`,
  changelog: `The ${n}.`,
  manifest: { config: { n } },
  ...more,
});

/** A run of a suite whose only bound is `f1 >= 0.8`. */
export const run = (f1: number, more: object = {}) => ({
  suite: 'holdout',
  dataset: { name: 'holdout-2026' },
  metrics: { f1 },
  thresholds: { f1: { min: 0.8 } },
  ...more,
});

export const APPROVE = { decision: 'approve' };
export const REJECT = { decision: 'reject' };

/** Takes models to where a test begins, over HTTP: a service `ci` registers, `ann` reviews, `bob` promotes. */
export class Lives {
  constructor(private readonly edge: Edge) {}

  /** Asks, and takes no refusal for an answer. */
  async must(question: Ask): Promise<Told> {
    const told = await httpDoor(this.edge).ask(question);
    if (told.code !== 'ok')
      throw new Error(`${question.verb} ${question.model}: ${told.code} ${told.detail}`);
    return told;
  }

  /** A version in DEV. */
  register(model: string, n: number, more: object = {}): Promise<Told> {
    return this.must({ verb: 'register', model, body: release(n, more), actor: 'ci', kind: 'service' });
  }

  evaluate(model: string, version: number, body: object = run(0.9)): Promise<Told> {
    return this.must({ verb: 'evaluate', model, version, body: { ...body }, actor: 'ci', kind: 'service' });
  }

  approve(model: string, version: number, actor = 'ann', body = APPROVE): Promise<Told> {
    return this.must({ verb: 'approve', model, version, body, actor });
  }

  promote(model: string, version: number): Promise<Told> {
    return this.must({ verb: 'promote', model, version, body: {}, actor: 'bob' });
  }

  rollBack(model: string, body: Record<string, unknown>): Promise<Told> {
    return this.must({ verb: 'rollBack', model, body: { reason: 'drift', ...body }, actor: 'bob' });
  }

  deprecate(model: string, version: number, sunset = '2999-01-01'): Promise<Told> {
    return this.must({ verb: 'deprecate', model, version, body: { sunset }, actor: 'bob' });
  }

  /** A version in STAGING. */
  async staged(model: string, n: number, more: object = {}): Promise<void> {
    await this.register(model, n, more);
    await this.evaluate(model, n);
  }

  /** Versions 1 to n, each of which went live after the one before. */
  async live(model: string, n: number): Promise<void> {
    for (let version = 1; version <= n; version++) {
      await this.staged(model, version);
      await this.approve(model, version);
      await this.promote(model, version);
    }
  }
}
