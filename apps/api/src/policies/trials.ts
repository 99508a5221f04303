import { makersOf } from '@gatehouse/domain';
import { Slices, type EventStore } from '@gatehouse/eventsourcing';
import { Accesses, EVENT_STORE, InvalidRequest, Stopping } from '@gatehouse/platform';
import { checkCases, draftOf, policyOf, runCase, type CaseResult, type Draft } from '@gatehouse/policy';
import type { Views } from '@gatehouse/projections';
import { Inject, Injectable } from '@nestjs/common';
import { orCutShort } from '../reads/cut-short';
import { Reads } from '../reads/reads';
import { Problem } from '../problem';
import { backtest, type BacktestLine } from './backtest';
import { Places } from './places';

export type CaseResults = { readonly passed: number; readonly failed: number; readonly items: CaseResult[] };

const PAGE = 500;
/** Each goes through the whole past of a tenant. */
const BACKTESTS_AT_A_TIME = 2;

/** Drafts of policies, tried out through either door. Nothing is recorded. */
@Injectable()
export class Trials {
  private readonly places = new Places(BACKTESTS_AT_A_TIME);

  constructor(
    private readonly reads: Reads,
    private readonly stopping: Stopping,
    private readonly accesses: Accesses,
    @Inject(EVENT_STORE) private readonly store: EventStore,
  ) {}

  /** Runs the cases of `{ policy, cases }`. Throws `PolicyRefused`. */
  async test(file: unknown): Promise<CaseResults> {
    const { policy, cases } = checkCases(file);
    if (typeof policy !== 'object')
      throw new InvalidRequest([{ pointer: '/policy', message: 'must be the document of a policy' }]);
    const draft = inForce(draftOf(policy));
    const items: CaseResult[] = [];
    const slices = new Slices();
    for (const one of cases) {
      items.push(runCase(draft, one));
      if (slices.over()) await slices.next();
    }
    const passed = items.filter((item) => item.passed).length;
    return { passed, failed: items.length - passed, items };
  }

  /**
   * Which of the tenant's past promotions a draft would have refused, until the client has gone or the process stops.
   * Throws `slow-down` where two of the tenant's are under way.
   */
  async backtest(
    draft: Draft,
    tenant: string,
    left: AbortController,
  ): Promise<AsyncGenerator<BacktestLine, void>> {
    // What the views have not seen yet would be passed over in silence.
    const { models } = this.reads.current;
    const policy = inForce(draft);
    // A key is never forgotten, nor who made it: what is read at the start holds to the end.
    const { state } = await this.accesses.newest(tenant);
    if (!this.places.take(tenant, left.signal))
      throw new Problem(
        'slow-down',
        `${BACKTESTS_AT_A_TIME} backtests of this tenant are under way: wait until one has ended.`,
        { retryAfter: 5 },
      );
    const signal = this.stopping.alsoEnds(left);
    const names = namesOf(models, tenant);
    const made = (key: string) => makersOf(state, key);
    return orCutShort(
      backtest({ store: this.store, tenant, models: names, policy, makersOf: made, signal }),
      left,
    );
  }
}

async function* namesOf(models: Views['models'], tenant: string): AsyncGenerator<string, void> {
  for (let after: string | undefined; ;) {
    const { items, next } = await models.list(tenant, { after, limit: PAGE });
    yield* items.map(({ model }) => model);
    if (next === null) return;
    after = next;
  }
}

function inForce({ document, digest }: Draft) {
  return policyOf({ name: document.policy, version: 0, digest }, document);
}
