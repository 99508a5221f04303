import { array, int16, int32, int64, int8, Reading, string } from './bytes';

// The requests that a producer of kafkajs makes, each in one version: https://kafka.apache.org/protocol

export const PRODUCE = 0;
export const METADATA = 3;
export const API_VERSIONS = 18;
const SPOKEN = [
  { key: PRODUCE, version: 3 },
  { key: METADATA, version: 4 },
  { key: API_VERSIONS, version: 2 },
];

/** Codes of the protocol. */
export const NONE = 0;
export const UNKNOWN_TOPIC = 3;
export const NOT_LEADER = 6;

export type Held = {
  readonly key: string;
  readonly id: string;
  readonly headers: { readonly [name: string]: string };
  readonly value: Buffer | null;
};
export type Node = { readonly id: number; readonly port: number };
export type Part = { readonly topic: string; readonly partition: number };
export type Answer = Part & { readonly code: number; readonly offset: number };

export function header(request: Reading): { api: number; correlation: number } {
  const api = request.int16();
  request.int16();
  const correlation = request.int32();
  request.string();
  return { api, correlation };
}

export function apiVersions(): Buffer {
  const spoken = array(SPOKEN, ({ key, version }) =>
    Buffer.concat([int16(key), int16(version), int16(version)]),
  );
  return Buffer.concat([int16(NONE), spoken, int32(0)]);
}

/** The topics that it asks for; undefined: all. */
export const metadataRequest = (request: Reading) => request.array(() => request.string() ?? '');

export function metadata(
  nodes: readonly Node[],
  topics: readonly { topic: string; leaders: readonly number[] | undefined }[],
): Buffer {
  const replicas = array(nodes, ({ id }) => int32(id));
  const partition = (leader: number, index: number) =>
    Buffer.concat([int16(NONE), int32(index), int32(leader), replicas, replicas]);
  return Buffer.concat([
    int32(0),
    array(nodes, ({ id, port }) =>
      Buffer.concat([int32(id), string('127.0.0.1'), int32(port), string(null)]),
    ),
    string('gatehouse-test'),
    int32(nodes[0]!.id),
    array(topics, ({ topic, leaders }) =>
      Buffer.concat([
        int16(leaders ? NONE : UNKNOWN_TOPIC),
        string(topic),
        int8(0),
        array([...(leaders ?? []).entries()], ([index, leader]) => partition(leader, index)),
      ]),
    ),
  ]);
}

export function produceRequest(request: Reading): (Part & { records: Held[] })[] {
  request.string();
  const acks = request.int16();
  if (acks !== -1) throw new Error(`acks must be -1, not ${acks}`);
  request.int32();
  const topics = request.array(() => {
    const topic = request.string()!;
    return request.array(() => ({
      topic,
      partition: request.int32(),
      records: recordsOf(new Reading(request.take(request.int32()))),
    }))!;
  });
  return topics!.flat();
}

export function produced(answers: readonly Answer[]): Buffer {
  const topics = [...new Set(answers.map(({ topic }) => topic))];
  const partition = ({ partition, code, offset }: Answer) =>
    Buffer.concat([int32(partition), int16(code), int64(offset), int64(-1)]);
  const responses = array(topics, (topic) =>
    Buffer.concat([
      string(topic),
      array(
        answers.filter((answer) => answer.topic === topic),
        partition,
      ),
    ]),
  );
  return Buffer.concat([responses, int32(0)]);
}

/** What a record batch (version 2, not compressed) holds. */
function recordsOf(batch: Reading): Held[] {
  // Base offset, length, leader epoch; magic; checksum; attributes … base sequence.
  batch.take(16);
  if (batch.int8() !== 2) throw new Error('only record batches of version 2 are spoken here');
  batch.take(40);
  return batch.array(() => recordOf(new Reading(batch.varbytes()!)))!;
}

function recordOf(record: Reading): Held {
  record.int8();
  record.varint();
  record.varint();
  const key = record.varbytes()?.toString() ?? '';
  const value = record.varbytes();
  const pairs = Array.from({ length: record.varint() }, () => [
    record.varbytes()!.toString(),
    record.varbytes()?.toString() ?? '',
  ]);
  const headers = Object.fromEntries(pairs) as { [name: string]: string };
  return { key, id: headers['ce_id'] ?? '', headers, value };
}
