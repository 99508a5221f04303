import { decode, type Fact } from '@gatehouse/domain';
import { Recent, type EventStore, type Recorded } from '@gatehouse/eventsourcing';
import type { RegisteredFact, Told } from './messages/told';
import { Pointers } from './pointers';

const MOST_BYTES = 16 * 1024 * 1024;
const MOST_POINTER_BYTES = 4 * 1024 * 1024;
const MOST_VERSIONS = 50_000;

/**
 * Finds what an event only points at, in the event's own stream. What was read lately is kept, in bounded memory; the
 * answer is the same with nothing kept.
 */
export class PointedAt {
  private readonly events: Recent<Fact>;
  /** Where versions were registered. */
  private readonly registrations = new Recent<bigint>(MOST_VERSIONS);
  private readonly pointers: Pointers;

  constructor(
    private readonly store: Pick<EventStore, 'read'>,
    mostBytes = MOST_BYTES,
  ) {
    this.events = new Recent(mostBytes);
    this.pointers = new Pointers(store, Math.min(mostBytes, MOST_POINTER_BYTES));
  }

  /** An event that is passing by: others may point at it soon. */
  remember(stream: string, fact: Fact, bytes: number): void {
    if (fact.type === 'model.Registered')
      this.registrations.set(`${stream} ${fact.data.version}`, fact.revision, 1);
    if (fact.type === 'model.Registered' || fact.type === 'model.Evaluated' || fact.type === 'model.Approved')
      this.events.set(`${stream} ${fact.revision}`, fact, bytes);
  }

  /** What the channels tell of an event, with all it points at; null for events that only `lifecycle` carries. */
  async toldOf(stream: string, fact: Fact): Promise<Told | null> {
    switch (fact.type) {
      case 'model.Registered':
      case 'model.Approved':
      case 'model.Rejected':
      case 'model.BreakGlassReviewed':
        return null;
      case 'model.Evaluated': {
        // No bound judges nothing: that is no gate which held anything back.
        if (fact.data.passed || !fact.data.rules.some(({ metric }) => metric !== undefined)) return null;
        return { fact, version: await this.registered(stream, fact.data.version, fact) };
      }
      case 'model.Promoted':
        return this.promotion(stream, fact);
      case 'model.RolledBack': {
        const { from, to } = fact.data;
        return {
          fact,
          from: await this.registered(stream, from.version, fact),
          to: to ? await this.registered(stream, to.version, fact) : null,
          next: to ? await this.pointers.rollbackTarget(stream, fact) : null,
        };
      }
      case 'model.Deprecated': {
        const { version, successor } = fact.data;
        return {
          fact,
          version: await this.registered(stream, version, fact),
          successor: successor === undefined ? null : await this.registered(stream, successor, fact),
        };
      }
    }
  }

  private async promotion(
    stream: string,
    fact: Extract<Told, { evaluations: unknown }>['fact'],
  ): Promise<Told> {
    const { evidence, previous } = fact.data;
    const version = await this.at(stream, BigInt(evidence.registered));
    const [evaluations, approvals] = [
      await this.all(stream, evidence.evaluations),
      await this.all(stream, evidence.approvals),
    ];
    return {
      fact,
      version: version?.type === 'model.Registered' ? version : null,
      previous: previous ? await this.registered(stream, previous.version, fact) : null,
      evaluations: evaluations.filter((one) => one.type === 'model.Evaluated'),
      approvals: approvals.filter((one) => one.type === 'model.Approved'),
    };
  }

  private async all(stream: string, revisions: readonly string[]): Promise<Fact[]> {
    const found: Fact[] = [];
    for (const revision of revisions) {
      const fact = await this.at(stream, BigInt(revision));
      if (fact) found.push(fact);
    }
    return found;
  }

  private async at(stream: string, revision: bigint): Promise<Fact | null> {
    const kept = this.events.get(`${stream} ${revision}`);
    if (kept) return kept;
    for await (const event of this.store.read(stream, revision)) return this.keep(event);
    return null;
  }

  private async registered(stream: string, version: number, before: Fact): Promise<RegisteredFact | null> {
    const key = `${stream} ${version}`;
    const revision = this.registrations.get(key);
    if (revision !== undefined) {
      const fact = await this.at(stream, revision);
      return fact?.type === 'model.Registered' ? fact : null;
    }
    // Version n was registered after n − 1 others.
    for await (const event of this.store.read(stream, BigInt(version - 1))) {
      if (event.revision >= before.revision) break;
      if (event.type !== 'model.Registered') continue;
      const fact = decode(event);
      if (fact.type !== 'model.Registered') continue;
      this.registrations.set(`${stream} ${fact.data.version}`, fact.revision, 1);
      if (fact.data.version !== version) continue;
      this.keep(event);
      return fact;
    }
    return null;
  }

  private keep(event: Recorded): Fact {
    const fact = decode(event);
    this.remember(event.stream, fact, JSON.stringify(event.data).length);
    return fact;
  }
}
