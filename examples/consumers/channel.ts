import { Kafka, logLevel, type Batch, type IHeaders, type KafkaMessage } from 'kafkajs';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A message of a channel: what its headers say (CloudEvents, binary mode), and its body. */
export type Told<Body> = {
  readonly id: string;
  readonly type: string;
  readonly logId: string;
  readonly subject: string;
  readonly revision: number;
  /** Null where the event was too large for the broker; `dataref` then says where it is. */
  readonly body: Body | null;
  readonly dataref: string | undefined;
};

/** What a team reads of a message, line by line; nothing of an `event` that it does not know. */
export type Tell<Body> = (body: Body) => string[];

/** How a message names a version. */
export type VersionName = { version: number; digest: string; label: string | null };
export const named = ({ version, label }: VersionName) => (label === null ? `version ${version}` : label);

/** That a promotion skipped what it usually waits for; null: it did not. */
export type BreakGlass = { reason: string } | null;

/** Members that every body has. */
export type Opening<Event extends string> = { event: Event; model: string; at: string; by: { id: string } };

export type Channel = {
  readonly name: string;
  readonly brokers: readonly string[];
  /** As the service has it in `GATEHOUSE_KAFKA_PREFIX`. */
  readonly prefix: string;
  /** Where what was seen is kept. */
  readonly folder: string;
};

type Counts = { told: number; duplicates: number; late: number; unknown: number };

/** A consumer at work. */
export type Consuming = {
  /** How many messages were told; how many were not because they had been, or because nobody here knows what they say. */
  counts(): Counts;
  stop(): Promise<void>;
};

/**
 * Reads a channel as one member of its team's group, from where the group was, or from the beginning. Each event is told once, in the
 * order of its model: what comes again has a `ce_id` that was seen, what comes late a lower `ce_revision` than one that was.
 */
export async function consume<Body>(
  { name, brokers, prefix, folder }: Channel,
  tell: Tell<Body>,
  print: (lines: string[]) => void,
): Promise<Consuming> {
  process.env['KAFKAJS_NO_PARTITIONER_WARNING'] = '1';
  const kafka = new Kafka({ clientId: `example-${name}`, brokers: [...brokers], logLevel: logLevel.NOTHING });
  const consumer = kafka.consumer({ groupId: `${prefix}-example-${name}`, maxWaitTimeInMs: 500 });
  const seen = new Seen(folder, name);
  await consumer.connect();
  await consumer.subscribe({ topic: `${prefix}.${name}.v1`, fromBeginning: true });
  await consumer.run({
    eachBatchAutoResolve: false,
    eachBatch: async (given) => {
      const { batch } = given;
      if (!given.isRunning() || given.isStale()) return;
      try {
        for (const told of read<Body>(batch)) {
          const before = seen.before(told);
          const lines = before === null ? linesOf(told, tell) : [];
          if (lines.length > 0) print(lines);
          // Not earlier: what could not be printed comes again, and is new then.
          seen.note(told, before ?? (lines.length > 0 ? 'told' : 'unknown'));
        }
      } finally {
        // First what was seen, then how far the group is: killed in between, it is read again and told once.
        seen.keep();
      }
      given.resolveOffset(batch.lastOffset());
      await given.heartbeat();
    },
  });
  return { counts: () => seen.counts, stop: () => consumer.disconnect() };
}

/** The types that there are in the channels of teams. */
const TYPES = ['promoted', 'rolled-back', 'deprecated', 'evaluated'].map(
  (type) => `gatehouse.model.${type}.v1`,
);

function linesOf<Body>({ type, body, dataref, subject }: Told<Body>, tell: Tell<Body>): string[] {
  if (!TYPES.includes(type)) return [];
  if (body !== null) return tell(body);
  return [
    `${subject}: too large for the broker`,
    `  curl -s -H "Authorization: Bearer $KEY" '${dataref}' | head -1`,
  ];
}

function read<Body>({ messages }: Batch): Told<Body>[] {
  return messages.map(({ headers = {}, value }: KafkaMessage) => ({
    id: header(headers, 'ce_id')!,
    type: header(headers, 'ce_type')!,
    logId: header(headers, 'ce_logid')!,
    subject: header(headers, 'ce_subject')!,
    revision: Number(header(headers, 'ce_revision')),
    dataref: header(headers, 'ce_dataref'),
    // The channel's JSON Schema says what is in it: libs/contracts/messages.
    body: value === null ? null : (JSON.parse(value.toString()) as Body),
  }));
}

function header(headers: IHeaders, name: string): string | undefined {
  return headers[name]?.toString();
}

const MOST_IDS = 10_000;
type Kept = { ids: string[]; last: { [subject: string]: { logId: string; revision: number } } };

/**
 * What was told already, over restarts: the ids of late, and how far each model is. A program that does more than print keeps this
 * where its results are, in one transaction with them; then all members of the group share it, too.
 */
class Seen {
  readonly counts: Counts = { told: 0, duplicates: 0, late: 0, unknown: 0 };
  private readonly file: string;
  private readonly ids: Set<string>;
  private readonly last: Kept['last'];

  constructor(folder: string, name: string) {
    mkdirSync(folder, { recursive: true });
    this.file = join(folder, `${name}.seen.json`);
    const kept = existsSync(this.file)
      ? (JSON.parse(readFileSync(this.file, 'utf8')) as Kept)
      : { ids: [], last: {} };
    this.ids = new Set(kept.ids);
    this.last = kept.last;
  }

  /** Why this is not to be told; null: it is new. */
  before({ id, logId, subject, revision }: Told<unknown>): 'duplicates' | 'late' | null {
    const last = this.last[subject];
    if (this.ids.has(id)) return 'duplicates';
    // Revisions of another log (a backup that was restored) do not compare with those of this one.
    return last?.logId === logId && revision <= last.revision ? 'late' : null;
  }

  /** From now on it was seen. */
  note({ id, logId, subject, revision }: Told<unknown>, as: keyof Counts): void {
    this.counts[as] += 1;
    if (as === 'duplicates') return;
    this.ids.add(id);
    if (this.ids.size > MOST_IDS) this.ids.delete(this.ids.values().next().value!);
    if (as !== 'late') this.last[subject] = { logId, revision };
  }

  keep(): void {
    const kept: Kept = { ids: [...this.ids], last: this.last };
    writeFileSync(`${this.file}.new`, JSON.stringify(kept));
    renameSync(`${this.file}.new`, this.file);
  }
}
