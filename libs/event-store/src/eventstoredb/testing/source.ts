import type { ReadReq } from '@eventstore/db-client/generated/streams_pb';
import type { EsdbLog } from './log';
import type { LoggedEvent } from './record';
import { type ReadOptions, streamName } from './wire';

export type Start = 'start' | 'end' | number;

/** What is read from: it remembers how far forwards it has gone, so that a follower can ask again. */
export interface Source {
  /** The stream's name when there is nothing to read from. */
  readonly missing?: string;
  forwards(): Iterable<LoggedEvent>;
  backwards(): Iterable<LoggedEvent>;
}

/** `$all`. A read begins at its position, a subscription behind it, a read backwards before it. */
export class AllSource implements Source {
  private next: number;

  constructor(
    private readonly log: EsdbLog,
    start: Start,
    following: boolean,
  ) {
    this.next = start === 'start' ? 0 : start === 'end' ? log.endPosition : following ? start + 1 : start;
  }

  *forwards(): Iterable<LoggedEvent> {
    let events = this.log.events();
    for (let index = this.log.indexOf(this.next); index < events.length; index++) {
      const event = events[index]!;
      this.next = event.position + 1;
      yield event;
      // A scavenge in between has made another array.
      if (events === this.log.events()) continue;
      events = this.log.events();
      index = this.log.indexOf(this.next) - 1;
    }
  }

  *backwards(): Iterable<LoggedEvent> {
    const events = this.log.events();
    for (let index = this.log.indexOf(this.next) - 1; index >= 0; index--) yield events[index]!;
  }
}

/** One stream, as far as truncation lets it be seen. */
export class StreamSource implements Source {
  private next: number;

  constructor(
    private readonly log: EsdbLog,
    private readonly name: string,
    start: Start,
    following: boolean,
  ) {
    const last = log.stream(name)?.lastRevision ?? -1;
    this.next = start === 'start' ? 0 : start === 'end' ? last + 1 : following ? start + 1 : start;
  }

  get missing(): string | undefined {
    const stream = this.log.stream(this.name);
    return !stream || stream.softlyDeleted() ? this.name : undefined;
  }

  *forwards(): Iterable<LoggedEvent> {
    const stream = this.log.stream(this.name);
    if (!stream) return;
    this.next = Math.max(this.next, stream.firstRevision());
    while (this.next <= stream.lastRevision) yield stream.events[this.next++]!;
  }

  *backwards(): Iterable<LoggedEvent> {
    const stream = this.log.stream(this.name);
    const first = stream?.firstRevision() ?? 0;
    const last = Math.min(this.next, stream?.lastRevision ?? -1);
    for (let revision = last; revision >= first; revision--) yield stream!.events[revision]!;
  }
}

/** What a request reads from. Throws what `refused` makes where `$all` is to be entered and no record begins. */
export function sourceOf(log: EsdbLog, options: ReadOptions, refused: () => Error): Source {
  const following = options.hasSubscription();
  const stream = options.getStream();
  if (stream) {
    const start = stream.hasRevision() ? Number(stream.getRevision()) : stream.hasEnd() ? 'end' : 'start';
    return new StreamSource(log, streamName(stream.getStreamIdentifier()), start, following);
  }
  const all = options.getAll();
  const position = all?.getPosition();
  if (position && !isRecord(log, position)) throw refused();
  const start = position ? Number(position.getCommitPosition()) : all?.hasEnd() ? 'end' : 'start';
  return new AllSource(log, start, following);
}

function isRecord(log: EsdbLog, position: ReadReq.Options.Position): boolean {
  const commit = position.getCommitPosition();
  return commit === position.getPreparePosition() && log.isRecord(Number(commit));
}
