import { randomUUID } from 'node:crypto';
import { StoreUnavailable } from '@gatehouse/eventsourcing';
import { opened, toBytes, type EventBytes } from './envelope';
import { wireEvent } from './esdb-event';
import { faultOf } from './fault';
import { allPage, streamPage } from './requests';
import { eventOf } from './stream-reader';
import type { Wire } from './wire';

/** NOTE: stored format. The one event of the stream that is named like the prefix itself. */
const TYPE = 'gatehouse.LogStarted';

/** The log's name, and the event that says it. */
export interface Identity {
  readonly logId: string;
  readonly event: EventBytes;
}

/**
 * Which log this is: an event in a stream that is named like the prefix alone, which no stream of the port can be. The
 * first start writes it; of two first starts the server lets one win, and both read what it wrote.
 */
export class LogIdentity {
  constructor(
    private readonly wire: Wire,
    private readonly prefix: string,
  ) {}

  /** Reads it, or makes the log; `onWaiting` is told when that takes long. Throws when there are other events under the prefix. */
  async establish(onWaiting: (why: string) => void): Promise<Identity> {
    const there = await this.read();
    if (there) return there;
    if (await this.occupied(onWaiting)) {
      // Another first start may have been quicker.
      const meanwhile = await this.read();
      if (meanwhile) return meanwhile;
      throw new Error(
        `streams in this EventStoreDB begin with "${this.prefix}" and do not belong to a log of Gatehouse, or its first stream "${this.prefix}" was deleted: choose another GATEHOUSE_EVENT_STORE_PREFIX`,
      );
    }
    await this.write(made(randomUUID()));
    const written = await this.read();
    if (written) return written;
    throw new StoreUnavailable(`the stream "${this.prefix}" was written and cannot be read`);
  }

  /** Writes the same event again, which the server takes for the same and which changes nothing: may we append? */
  async write(event: EventBytes): Promise<void> {
    try {
      await this.wire.append(this.prefix, -1n, [event]);
    } catch (error) {
      if (faultOf(error).kind !== 'wrong-revision') throw error;
    }
  }

  async read(): Promise<Identity | undefined> {
    for await (const answer of this.wire.read(streamPage(this.prefix, 0n, 1))) {
      const event = eventOf(answer);
      if (!event) continue;
      const { type, revision, position } = wireEvent(event, this.prefix);
      const id = opened(event.getCustomMetadata_asU8())?.id;
      if (type !== TYPE || revision !== 0n || id === undefined)
        throw new Error(
          `the stream "${this.prefix}" in this EventStoreDB is not the beginning of a log of Gatehouse: choose another GATEHOUSE_EVENT_STORE_PREFIX`,
        );
      if (position === undefined)
        throw new Error(
          'this EventStoreDB gives no positions when a stream is read: it has to be 22.10 or later',
        );
      return { logId: id, event: made(id) };
    }
    return undefined;
  }

  /**
   * Once in the life of a log the server looks through all that others have in it, and gives no answer meanwhile. However
   * long that takes, it is waited for as long as the server answers other questions.
   */
  private async occupied(onWaiting: (why: string) => void): Promise<boolean> {
    const onQuiet = async () => {
      if (!(await this.answers())) return true;
      onWaiting(
        `EventStoreDB looks through all events in it for streams that begin with "${this.prefix}", once, at the first start`,
      );
      return false;
    };
    const everything = this.wire.read(allPage(0n, this.prefix, 1), { onQuiet });
    for await (const answer of everything) if (eventOf(answer)) return true;
    return false;
  }

  /** Whether the server answers other questions meanwhile. */
  private answers(): Promise<boolean> {
    return this.read().then(
      () => true,
      () => false,
    );
  }
}

/** The event's id is the log's. */
function made(logId: string): EventBytes {
  return toBytes({ id: logId, type: TYPE, data: { format: 1 }, meta: {} });
}
