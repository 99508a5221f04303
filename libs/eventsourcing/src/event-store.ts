/** A JSON object. What is inside is data: it is stored and hashed, never trusted. */
export type JsonObject = { readonly [key: string]: unknown };

/** An event that is not stored yet. */
export interface NewEvent {
  /** UUID, in lower case. The same id with the same content, appended again, is the same event. */
  readonly id: string;
  /** The stored name, chosen by us and permanent, e.g. `model.Promoted`. */
  readonly type: string;
  readonly data: JsonObject;
  readonly meta: JsonObject;
}

/** An event as the log holds it. `data` and `meta` are what `JSON.parse` makes of the canonical bytes. */
export interface Recorded extends NewEvent {
  /** Place in the whole log: strictly increasing, not dense, meaningful within one `logId` only. */
  readonly position: bigint;
  readonly stream: string;
  /** Place in the stream: dense, from 0. */
  readonly revision: bigint;
}

/** The result of an append: where its last event stands. */
export interface Appended {
  readonly position: bigint;
  readonly revision: bigint;
}

/** Which log this is, and the position of its last event (0n when it is empty). */
export interface LogState {
  readonly logId: string;
  readonly head: bigint;
}

/** "Any revision" cannot be said: every append names the revision it was decided at. */
export interface EventStore {
  /** Whether processes other than this one may append to the log: then nothing kept in memory is the last word. */
  readonly shared: boolean;
  /** A stream from a revision to its end, oldest first, contiguous (else `LogTruncated`). Empty if there is none. */
  read(stream: string, from?: bigint): AsyncIterable<Recorded>;
  /**
   * All or nothing at exactly this revision (-1n: no stream yet). Durable when it resolves. The same ids with
   * the same content again: the earlier result. Throws `WrongRevision`, `EventIdReused`, `EventTooLarge`,
   * `OutcomeUnknown` (it may be in the log or not), `StoreUnavailable` (it is not in the log).
   */
  append(stream: string, expected: bigint, events: readonly NewEvent[]): Promise<Appended>;
  /** Our events after a position, oldest first: to the head as it is now, or on and on until aborted. */
  readAll(after: bigint, options: ReadAllOptions): AsyncIterable<Recorded>;
  /** Which log this is and how far it goes. */
  log(): Promise<LogState>;
}

export interface ReadAllOptions {
  readonly follow: boolean;
  readonly signal: AbortSignal;
  /** Only streams whose name starts with this; the store skips the others itself. */
  readonly prefix?: string;
  /** Only this stream: it is read by itself, and takes no longer for what there is beside it. `LogTruncated` as in `read`. */
  readonly stream?: string;
}

/** An event may take this many bytes, `data` and `meta` together as canonical JSON, on every store. */
export const MAX_EVENT_BYTES = 512 * 1024;

/** The stream is not at the revision that the append expected: somebody else was first. */
export class WrongRevision extends Error {
  override readonly name = 'WrongRevision';
  constructor(
    readonly stream: string,
    readonly expected: bigint,
    readonly actual: bigint,
  ) {
    super(`stream ${stream} is at revision ${actual}, not ${expected}`);
  }
}

/** An event id that the log already holds came again with other content, or at another place. */
export class EventIdReused extends Error {
  override readonly name = 'EventIdReused';
  constructor(readonly id: string) {
    super(`event id ${id} is in the log already, with other content`);
  }
}

/** An event is larger than `MAX_EVENT_BYTES`. */
export class EventTooLarge extends Error {
  override readonly name = 'EventTooLarge';
  constructor(readonly bytes: number) {
    super(`an event takes ${bytes} bytes; the most is ${MAX_EVENT_BYTES}`);
  }
}

/** The append may or may not be in the log. Append the same ids at the same revision again to find out. */
export class OutcomeUnknown extends Error {
  override readonly name = 'OutcomeUnknown';
}

/** The store takes no writes at present; nothing of this append is in the log. */
export class StoreUnavailable extends Error {
  override readonly name = 'StoreUnavailable';
}

/** The log is another copy than the one that was read before: what is remembered of the stream may not be so. To whoever asked it is away. */
export class AnotherCopy extends StoreUnavailable {}

/** A stream has a gap: events were removed behind our back, and deciding on what is left would be wrong. */
export class LogTruncated extends Error {
  override readonly name = 'LogTruncated';
  /** Without the stream, which is somebody's. */
  readonly told: string;
  constructor(
    readonly stream: string,
    readonly missing: bigint,
  ) {
    super(
      `stream ${stream} has no revision ${missing}: the log was truncated, and nothing is decided on what is left`,
    );
    this.told = `a stream has no revision ${missing}: the log was truncated`;
  }
}
