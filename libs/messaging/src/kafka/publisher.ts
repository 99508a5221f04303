import {
  type Kafka,
  type Message as KafkaMessage,
  Partitioners,
  type Producer,
  type RecordMetadata,
  type TopicMessages,
} from 'kafkajs';
import { type Message, type Publisher, Refused } from '../publisher';
import { TookTooLong, within } from './client';

const CONNECT_MS = 10_000;
/** The broker's time to replicate, and ours to hear of it. */
const ACK_MS = 10_000;
const SEND_MS = 15_000;
const CLOSE_MS = 2_000;

/**
 * Publishes through kafkajs, one send at a time. kafkajs can lose messages and report success (docs/adr/012): it
 * retries nothing here, every topic-partition that was sent must be in the answer without an error, and after any
 * failure the next send has a new producer, with new connections and new metadata.
 */
export class KafkaPublisher implements Publisher {
  private open: Open | null = null;
  private turn: Promise<unknown> = Promise.resolve();
  private readonly closing = new AbortController();

  constructor(private readonly kafka: Kafka) {}

  publish(messages: readonly Message[]): Promise<void> {
    const sent = this.turn.then(() => this.send(messages));
    this.turn = sent.catch(() => undefined);
    return sent;
  }

  async close(): Promise<void> {
    this.closing.abort();
    await this.drop();
  }

  private async send(messages: readonly Message[]): Promise<void> {
    const { signal } = this.closing;
    try {
      signal.throwIfAborted();
      this.open ??= await connected(this.kafka, signal);
      const { producer, chosen } = this.open;
      chosen.clear();
      const batch = { topicMessages: byTopic(messages), acks: -1, timeout: ACK_MS };
      const answer = await within(SEND_MS, 'a send to Kafka', producer.sendBatch(batch), signal);
      allAcknowledged(chosen, answer);
    } catch (error) {
      // Not waited for: a connection that hangs would hang here, too.
      void this.drop();
      throw explained(error);
    }
  }

  private async drop(): Promise<void> {
    const open = this.open;
    this.open = null;
    if (open) await within(CLOSE_MS, 'closing', open.producer.disconnect()).catch(() => undefined);
  }
}

/** A producer, and the topic-partitions that its current send goes to. */
type Open = { readonly producer: Producer; readonly chosen: Set<string> };

async function connected(kafka: Kafka, signal: AbortSignal): Promise<Open> {
  const chosen = new Set<string>();
  const producer = kafka.producer({
    idempotent: false,
    retry: { retries: 0 },
    allowAutoTopicCreation: false,
    createPartitioner: () => {
      const choose = Partitioners.DefaultPartitioner();
      return (of) => {
        const partition = choose(of);
        chosen.add(`${of.topic}/${partition}`);
        return partition;
      };
    },
  });
  try {
    await within(CONNECT_MS, 'connecting to Kafka', producer.connect(), signal);
  } catch (error) {
    void within(CLOSE_MS, 'closing', producer.disconnect()).catch(() => undefined);
    throw error;
  }
  return { producer, chosen };
}

function byTopic(messages: readonly Message[]): TopicMessages[] {
  const topics = new Map<string, KafkaMessage[]>();
  for (const { topic, key, headers, value } of messages) {
    const own = topics.get(topic) ?? [];
    topics.set(topic, own);
    own.push({ key, headers: { ...headers }, value });
  }
  return [...topics].map(([topic, own]) => ({ topic, messages: own }));
}

/** Throws unless every topic-partition that was sent is in the answer, without an error. */
export function allAcknowledged(sent: ReadonlySet<string>, answer: readonly RecordMetadata[]): void {
  const missing = new Set(sent);
  for (const { topicName, partition, errorCode } of answer) {
    if (errorCode !== 0) throw new Refused(`${topicName}/${partition} answered with error ${errorCode}`);
    missing.delete(`${topicName}/${partition}`);
  }
  if (missing.size > 0) throw new Error(`Kafka did not acknowledge ${[...missing].join(', ')}`);
}

/** What a broker said no to is `Refused`; that a broker has no answer is not. */
function explained(error: unknown): Error {
  if (error instanceof Refused || error instanceof TookTooLong) return error;
  const causes = [error as Error & { type?: string }];
  for (let at = causes[0]; at?.cause instanceof Error; at = at.cause) causes.push(at.cause);
  const { type, message } = causes.at(-1)!;
  const text = `Kafka: ${message}`;
  return type === undefined ? new Error(text, { cause: error }) : new Refused(text, { cause: error });
}
