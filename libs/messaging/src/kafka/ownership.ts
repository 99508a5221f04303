import type { Consumer, Kafka } from 'kafkajs';
import { relayTopic } from '../channels';
import { keepConsuming } from './consuming';

/** A time in which this process relays. Its signal ends it: at once, and for good. */
export interface Term {
  /** Names the owner; unique for each membership. */
  readonly owner: string;
  readonly signal: AbortSignal;
  /** The generation of the group: who owns later has a higher one. */
  readonly term: number;
  /** Resolves when the brokers say, asked from now on, that this process still owns; rejects when the term ends first. */
  readonly confirmed: () => Promise<void>;
}

const SESSION_MS = 7_000;
const HEARTBEAT_MS = 1_000;
const LOOK_EVERY_MS = 1_000;

/**
 * Says when this process is the one that relays: while it owns the partition of the relay's topic in the group of all
 * workers, and a heartbeat since says that it still does: news that waited while the process was paused makes no owner.
 * Whoever dies is replaced when its session has expired; a term also ends when no heartbeat was answered for as long,
 * because somebody else may own the partition by then.
 */
export class Ownership {
  /** Why this process is not in the group just now. */
  error: string | undefined;
  joined = false;
  private term: AbortController | null = null;
  /** Who waits for an answer to a heartbeat that is sent from then on. */
  private asking: { readonly since: number; readonly answered: (error?: Error) => void }[] = [];
  /** When the last heartbeat that was answered, and the last one at all, had been sent. */
  private heard = 0;
  private asked = 0;
  /** Which member of the group has the partition, if it is this one, and since when. */
  private mine: { readonly memberId: string; readonly since: number } | null = null;
  private count = 0;
  private readonly leaving = new AbortController();
  private readonly done: Promise<void>;

  constructor(
    private readonly kafka: Kafka,
    private readonly prefix: string,
    private readonly began: (term: Term) => void,
  ) {
    const watch = setInterval(() => this.look(), LOOK_EVERY_MS);
    this.done = keepConsuming(
      () => this.consumer(),
      (consumer) => this.start(consumer),
      (error) => this.left(error),
      this.leaving.signal,
    ).finally(() => clearInterval(watch));
  }

  /** Leaves the group, so that another takes over without waiting for a session to expire. */
  async leave(): Promise<void> {
    this.end();
    this.leaving.abort();
    await this.done;
  }

  private consumer(): Consumer {
    return this.kafka.consumer({
      groupId: `${this.prefix}.relay`,
      sessionTimeout: SESSION_MS,
      rebalanceTimeout: SESSION_MS,
      heartbeatInterval: HEARTBEAT_MS,
      maxWaitTimeInMs: LOOK_EVERY_MS,
      retry: { retries: 2, initialRetryTime: 100, restartOnFailure: async () => false },
      allowAutoTopicCreation: false,
    });
  }

  private async start(consumer: Consumer): Promise<void> {
    const topic = relayTopic(this.prefix);
    const { GROUP_JOIN, HEARTBEAT, REBALANCING, REQUEST } = consumer.events;
    consumer.on(REQUEST, ({ payload: { apiName, duration } }) => {
      if (apiName === 'Heartbeat') this.asked = performance.now() - duration;
    });
    consumer.on(HEARTBEAT, ({ payload }) => this.answered(payload.groupGenerationId));
    consumer.on(REBALANCING, () => this.lost());
    consumer.on(GROUP_JOIN, ({ payload: { memberId, memberAssignment } }) => {
      this.lost();
      this.joined = true;
      this.error = undefined;
      if (memberAssignment[topic]?.includes(0)) this.mine = { memberId, since: performance.now() };
    });
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: false });
    // What the topic holds is read elsewhere: here only its partition counts.
    await consumer.run({ autoCommit: false, eachBatch: async () => undefined });
  }

  /** The broker counts from the question: an answer that waited while this process was paused says nothing of now. */
  private answered(generation: number): void {
    this.heard = this.asked;
    for (const one of this.asking) if (one.since <= this.asked) one.answered();
    this.asking = this.asking.filter(({ since }) => since > this.asked);
    if (this.term || !this.mine || this.leaving.signal.aborted) return;
    if (this.asked < this.mine.since || performance.now() - this.asked > SESSION_MS) return;
    this.term = new AbortController();
    const { signal } = this.term;
    const owner = `${this.mine.memberId}.${++this.count}`;
    this.began({ owner, signal, term: generation, confirmed: () => this.confirmed(signal) });
  }

  private async confirmed(term: AbortSignal): Promise<void> {
    term.throwIfAborted();
    await new Promise<void>((resolve, reject) =>
      this.asking.push({
        since: performance.now(),
        answered: (error) => (error ? reject(error) : resolve()),
      }),
    );
  }

  private lost(): void {
    this.mine = null;
    this.end();
  }

  private end(): void {
    this.term?.abort(new Error('this process no longer relays'));
    this.term = null;
    for (const { answered } of this.asking.splice(0)) answered(new Error('this process no longer relays'));
  }

  private left(error: Error): void {
    this.joined = false;
    // kafkajs keeps to itself what each broker answered.
    const right = `the user may have no right (Read, Describe) on the groups that begin with ${this.prefix}.relay`;
    this.error = /group coordinator/i.test(error.message) ? `${error.message}: ${right}` : error.message;
    this.lost();
  }

  private look(): void {
    if (this.term && performance.now() - this.heard > SESSION_MS) this.end();
  }
}
