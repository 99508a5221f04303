import { Inject, Injectable } from '@nestjs/common';
import type { EventStore } from '@gatehouse/eventsourcing';
import { beginningsOf, visibleTo } from '@gatehouse/domain';
import { EVENT_STORE, FollowerHost, InvalidRequest, Settings, type Caller } from '@gatehouse/platform';
import {
  cursors,
  history,
  parseMetricCondition,
  Views,
  type ActiveVersion,
  type Cursors,
  type Live,
  type ModelSummary,
  type Move,
  type PublicEvent,
  type Unreviewed,
  type VersionResource,
  type VersionSummary,
} from '@gatehouse/projections';
import type { Exchange } from '../models/exchange';
import { Problem } from '../problem';
import type { ListModelsQuery, ListVersionsQuery, PageQuery } from './reads.dto';

/** Some items, and the cursor that goes on after them; null at the end. */
export type Listed<Item> = { items: Item[]; next: string | null };

const PAGE = 50;
const PATIENCE_MS = 2_000;
const POSITION = /^\d{1,18}$/;
const NUMBER = /^(0|[1-9]\d{0,15})$/;
const DIGEST = /^sha256:[0-9a-f]{64}$/;

/** What both doors answer to reads: straight from the views and the log. */
@Injectable()
export class Reads {
  private readonly cursors: Cursors;

  constructor(
    private readonly views: Views,
    private readonly followers: FollowerHost,
    @Inject(EVENT_STORE) private readonly store: EventStore,
    { cursorSecret }: Settings,
  ) {
    this.cursors = cursors(cursorSecret);
  }

  /** How far the views are. */
  position(): string | undefined {
    const following = this.followers.get(this.views.name);
    return following && String(following.status().position);
  }

  /** `Gatehouse-At-Least`: waits until the views have reached a position; `view-behind` if that takes too long. */
  async atLeast(position: string | undefined): Promise<void> {
    if (position === undefined) return;
    if (!POSITION.test(position))
      throw new InvalidRequest([{ pointer: '/Gatehouse-At-Least', message: 'must be a position' }]);
    const reached = await this.followers.get(this.views.name)?.reached(BigInt(position), PATIENCE_MS);
    if (!reached)
      throw new Problem('view-behind', 'Ask again in a moment, or without Gatehouse-At-Least.', {
        retryAfter: 1,
      });
  }

  /** Waits for `Gatehouse-At-Least`, and says how far the views are. */
  async upToDate({ header, set }: Exchange): Promise<void> {
    await this.atLeast(header('gatehouse-at-least'));
    const position = this.position();
    if (position !== undefined) set('gatehouse-position', position);
  }

  /** Whether the views have caught up with the log since they were started: until then they tell an old story as if it were today's. */
  get isCurrent(): boolean {
    return this.followers.get(this.views.name)?.caughtUp ?? false;
  }

  /** The views; `view-behind` until they have caught up. */
  get current(): Views {
    if (this.isCurrent) return this.views;
    throw new Problem(
      'view-behind',
      'The views are catching up with the log: /readyz says how far they are.',
      {
        retryAfter: 1,
      },
    );
  }

  activeVersion(tenant: string, model: string): ActiveVersion {
    return this.known(this.current.live.activeVersion(tenant, model), model);
  }

  live(tenant: string, model: string, at?: string): Live {
    if (at === undefined) return this.known(this.current.live.find(tenant, model), model);
    const instant = at.toUpperCase();
    // A clock that was set back is behind its own log: what the log has seen is not the future.
    if (Date.parse(instant) > Math.max(Date.now(), this.lastMove(tenant, model)))
      throw new InvalidRequest([{ pointer: '/at', message: 'must not be in the future' }]);
    return this.known(this.current.live.at(tenant, model, instant), model);
  }

  private lastMove(tenant: string, model: string): number {
    return Date.parse(this.current.live.find(tenant, model)?.since ?? '') || 0;
  }

  /** By number or digest; any other name floats, and is answered with what to pin instead. */
  version(tenant: string, model: string, ref: string): VersionResource {
    if (!NUMBER.test(ref) && !DIGEST.test(ref)) {
      const { current } = this.live(tenant, model);
      throw new Problem(
        'floating-alias',
        'Pin the digest that is live, `pin`, or name a version by number or digest.',
        {
          pin: current?.digest ?? null,
        },
      );
    }
    const version = this.current.versions.find(tenant, model, NUMBER.test(ref) ? Number(ref) : ref);
    if (version !== null) return version;
    this.mustExist(tenant, model);
    throw new Problem(
      'version-unknown',
      `${model} has no such version; list them at /v1/models/${model}/versions.`,
    );
  }

  /** Those that the caller may know of. */
  async models(
    { tenant, roles }: Caller,
    { q, after, limit = PAGE }: ListModelsQuery,
  ): Promise<Listed<ModelSummary>> {
    const scope = JSON.stringify([tenant, 'models', q]);
    const page = await this.current.models.list(tenant, {
      q,
      after: this.place(scope, after)?.toString(),
      limit,
      sees: visibleTo(roles, 'list'),
      within: beginningsOf(roles, 'list'),
    });
    return this.listed(scope, page);
  }

  async versions(
    tenant: string,
    model: string,
    { after, limit = PAGE, metric, ...filter }: ListVersionsQuery,
  ): Promise<Listed<VersionSummary>> {
    const scope = JSON.stringify([tenant, 'versions', model, filter, metric]);
    const conditions = metric?.map((text) => parseMetricCondition(text)!);
    const place = { after: numberOr(this.place(scope, after)), limit };
    const page = await this.current.versions.list(tenant, model, { ...filter, metric: conditions }, place);
    return this.listed(scope, this.known(page, model));
  }

  unreviewed({ tenant, roles }: Caller): Unreviewed[] {
    return this.current.breakGlass.list(tenant, visibleTo(roles, 'list'));
  }

  moves(tenant: string, model: string, { after, limit = PAGE }: PageQuery): Listed<Move> {
    const scope = JSON.stringify([tenant, 'moves', model]);
    const page = this.current.live.moves(tenant, model, { after: numberOr(this.place(scope, after)), limit });
    return this.listed(scope, this.known(page, model));
  }

  async history(
    tenant: string,
    model: string,
    { after, limit = PAGE }: PageQuery,
  ): Promise<Listed<PublicEvent>> {
    const scope = JSON.stringify([tenant, 'history', model]);
    const place = this.place(scope, after);
    const page = await history(this.store, tenant, model, {
      after: place === undefined ? undefined : BigInt(place),
      limit,
    });
    const { items, next } = this.known(page, model);
    return this.listed(scope, { items, next: next === null ? null : String(next) });
  }

  /** What was found, or `model-unknown`. */
  known<T>(found: T | null, model: string): T {
    if (found !== null) return found;
    throw new Problem(
      'model-unknown',
      `There is no model ${model} here (or there was none then); list them at /v1/models.`,
    );
  }

  private mustExist(tenant: string, model: string): void {
    this.known(this.current.models.has(tenant, model) || null, model);
  }

  private place(scope: string, after: string | undefined): string | number | undefined {
    return after === undefined ? undefined : this.cursors.open(scope, after);
  }

  private listed<Item>(
    scope: string,
    { items, next }: { items: Item[]; next: string | number | null },
  ): Listed<Item> {
    return { items, next: next === null ? null : this.cursors.seal(scope, next) };
  }
}

function numberOr(place: string | number | undefined): number | undefined {
  return place === undefined ? undefined : Number(place);
}
