import { makersOf, type Policy } from '@gatehouse/domain';
import { Slices, type EventStore } from '@gatehouse/eventsourcing';
import { Accesses, EVENT_STORE, InvalidRequest, Stopping } from '@gatehouse/platform';
import {
  checkCases,
  draftOf,
  playCase,
  policyOf,
  type Case,
  type CaseResult,
  type Draft,
} from '@gatehouse/policy';
import type { Views } from '@gatehouse/projections';
import { Inject, Injectable } from '@nestjs/common';
import type { Exchange } from '../models/exchange';
import { orCutShort } from '../reads/cut-short';
import { Reads } from '../reads/reads';
import { Problem } from '../problem';
import { backtest, type BacktestLine } from './backtest';
import { Places } from './places';

export type CaseResults = { readonly passed: number; readonly failed: number; readonly items: CaseResult[] };

const PAGE = 500;
/** Each goes through the whole past of a tenant, or through a hundred cases. */
const TRIALS_AT_A_TIME = 2;
/** That the cases of one test are answered with: they are kept until the last has been played. */
const MOST_RULES = 10_000;

/** Drafts of policies, tried out through either door. Nothing is recorded. */
@Injectable()
export class Trials {
  private readonly places = new Places(TRIALS_AT_A_TIME);

  constructor(
    private readonly reads: Reads,
    private readonly stopping: Stopping,
    private readonly accesses: Accesses,
    @Inject(EVENT_STORE) private readonly store: EventStore,
  ) {}

  /**
   * Runs the cases of `{ policy, cases }`, until the client has gone or the request has been answered that it took too long.
   * Throws `PolicyRefused`, and `slow-down` where two trials of the tenant's are under way.
   */
  async test(file: unknown, { caller, context }: Exchange, left: AbortController): Promise<CaseResults> {
    const { policy, cases } = checkCases(file);
    if (typeof policy !== 'object')
      throw new InvalidRequest([{ pointer: '/policy', message: 'must be the document of a policy' }]);
    const draft = inForce(draftOf(policy));
    this.takePlace(caller.tenant, left.signal);
    const stillAsked = () => {
      context.signal?.throwIfAborted();
      if (left.signal.aborted) throw new Problem('timeout', 'Whoever asked has left.');
    };
    try {
      const items = await played(draft, cases, stillAsked);
      const passed = items.filter((item) => item.passed).length;
      return { passed, failed: items.length - passed, items };
    } finally {
      left.abort();
    }
  }

  /**
   * Which of the tenant's past promotions a draft would have refused, until the client has gone or the process stops.
   * Throws `slow-down` where two trials of the tenant's are under way.
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
    this.takePlace(tenant, left.signal);
    const signal = this.stopping.alsoEnds(left);
    const names = namesOf(models, tenant);
    const made = (key: string) => makersOf(state, key);
    return orCutShort(
      backtest({ store: this.store, tenant, models: names, policy, makersOf: made, signal }),
      left,
    );
  }

  private takePlace(tenant: string, signal: AbortSignal): void {
    if (this.places.take(tenant, signal)) return;
    throw new Problem(
      'slow-down',
      `${TRIALS_AT_A_TIME} tests or backtests of this tenant are under way: wait until one has ended.`,
      { retryAfter: 5 },
    );
  }
}

/** Whatever else is waiting has its turn in between; `stillAsked` throws when nobody waits for this any more. */
async function played(policy: Policy, cases: readonly Case[], stillAsked: () => void): Promise<CaseResult[]> {
  const slices = new Slices();
  const items: CaseResult[] = [];
  let rules = 0;
  for (const [i, one] of cases.entries()) {
    const steps = playCase(policy, one);
    let step = steps.next();
    for (; !step.done; step = steps.next()) {
      if (!slices.over()) continue;
      await slices.next();
      stillAsked();
    }
    rules += step.value.rules.length;
    if (rules > MOST_RULES) throw tooManyRules(i);
    items.push(step.value);
  }
  return items;
}

function tooManyRules(i: number): Problem {
  const message = `the cases up to this one come to more than ${MOST_RULES} rules, which is the most`;
  return new Problem('too-many', `Send fewer cases at a time: ${message}.`, {
    errors: [{ pointer: `/cases/${i}`, message }],
  });
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
