import { Inject, Injectable } from '@nestjs/common';
import {
  accessStream,
  decodeAccess,
  evolveAccess,
  noAccess,
  type AccessFact,
  type AccessState,
} from '@gatehouse/domain';
import {
  settlesWithin,
  Standing,
  type AsRead,
  type EventStore,
  type Folding,
} from '@gatehouse/eventsourcing';
import { EdgeProblem } from '../edge-problem';
import { EVENT_STORE } from '../store.tokens';

/** How the access of a tenant folds. */
export const ACCESS: Folding<AccessState, AccessFact> = {
  initial: noAccess,
  decode: decodeAccess,
  evolve: evolveAccess,
  bytes: ({ bytes }) => bytes,
};

/** Younger than this, what is known is as good as new. */
const FRESH_MS = 1_000;
/** Older than this, a read waits for what is new: a revoked credential is refused within 5 s everywhere. */
const STALE_MS = 4_000;
/** The log may be silent for so long; then nobody is known any more. */
export const SILENT_MS = 15_000;
/** A read waits this long for a log that does not answer, and then goes by what was known. */
const PATIENCE_MS = 2_000;
const MOST_TENANTS = 10_000;
/** For so long after somebody was turned away it is told that the access of their tenant could not be read. */
const TOLD_MS = 60_000;

/** What is known of a tenant's access, and since when the log has been asked for it. */
type Heard = AsRead<AccessState> & { readonly at: number };

/** Who may do what in each tenant, as it stands in the log. */
@Injectable()
export class Accesses {
  private readonly standing: Standing<AccessState, AccessFact>;
  private readonly heard = new Map<string, Heard>();
  /** When somebody was last turned away because the access of a tenant could not be read. */
  private readonly turnedAway = new Map<string, number>();
  /** In milliseconds, only ever forward. */
  now: () => number = () => performance.now();

  constructor(@Inject(EVENT_STORE) store: EventStore) {
    this.standing = new Standing(store, ACCESS);
  }

  /** As the log has it now, for whoever changes something. `revision` is -1n where there is no such tenant. */
  async newest(tenant: string): Promise<AsRead<AccessState>> {
    // What is read is as old as the question: it may have been read at once, and have taken long to get here.
    const at = this.now();
    const read = await this.standing.newest(accessStream(tenant));
    this.turnedAway.delete(tenant);
    // Names that are nobody's are not kept: there is no end of them.
    if (read.revision >= 0n) this.keep(tenant, { ...read, at });
    return read;
  }

  /**
   * As the log had it at an instant of our own clock (`now`, by default `performance.now()`), or later: asked for only where that is not
   * known already.
   */
  async since(tenant: string, instant: number): Promise<AsRead<AccessState>> {
    return this.heardSince(tenant, instant) ?? this.newest(tenant);
  }

  /**
   * Reads what is new, so that it is known from here on. Never fails, and waits for a log that does not answer no longer than a
   * read does, nor longer than `deadline` (in `performance.now()` time): whoever asks next meets what is the matter.
   */
  async refresh(tenant: string, deadline: number): Promise<void> {
    const left = Math.max(0, deadline - performance.now());
    await settlesWithin(Math.min(left, PATIENCE_MS), this.newest(tenant));
  }

  /** As it was a few seconds ago at most, at once where that is possible. Undefined: it has to be waited for. */
  known(tenant: string): AsRead<AccessState> | undefined {
    const heard = this.heard.get(tenant);
    if (heard === undefined) return undefined;
    const age = this.now() - heard.at;
    if (age < FRESH_MS) return heard;
    // Read behind the requests that go by what is known; whoever waits for it meets its failure.
    const reading = this.newest(tenant);
    reading.catch(() => undefined);
    return age < STALE_MS ? heard : undefined;
  }

  /** For reads: as it was a few seconds ago at most; throws `access-stale` when the log has been silent for too long. */
  async recent(tenant: string): Promise<AsRead<AccessState>> {
    return this.known(tenant) ?? this.waitedFor(tenant);
  }

  /** The same, but as it was at an instant (as in `since`) or later, while the log answers. */
  async recentSince(tenant: string, instant: number): Promise<AsRead<AccessState>> {
    return this.heardSince(tenant, instant) ?? this.waitedFor(tenant);
  }

  /** What to tell of tenants whose access cannot be read, without naming them: nothing, or one line. */
  stale(): string[] {
    const tenants = [...this.turnedAway.values()].filter((at) => this.now() - at < TOLD_MS).length;
    return tenants === 0 ? [] : [`access-stale: the access of ${tenants} tenant(s) cannot be read`];
  }

  private heardSince(tenant: string, instant: number): Heard | undefined {
    const heard = this.heard.get(tenant);
    return heard && heard.at >= instant ? heard : undefined;
  }

  private async waitedFor(tenant: string): Promise<AsRead<AccessState>> {
    const reading = this.newest(tenant).catch(() => undefined);
    const read = (await settlesWithin(PATIENCE_MS, reading)) ? await reading : undefined;
    if (read) return read;
    const heard = this.heard.get(tenant);
    if (heard && this.now() - heard.at < SILENT_MS) return heard;
    if (this.turnedAway.size >= MOST_TENANTS) this.turnedAway.clear();
    this.turnedAway.set(tenant, this.now());
    throw new EdgeProblem(
      'access-stale',
      'The log does not answer, so nobody knows who may still do what. Try again in a moment.',
      { retryAfter: 5 },
    );
  }

  private keep(tenant: string, heard: Heard): void {
    this.heard.delete(tenant);
    this.heard.set(tenant, heard);
    const [oldest] = this.heard.keys();
    if (this.heard.size > MOST_TENANTS && oldest !== undefined) this.heard.delete(oldest);
  }
}
