import { Refused } from '../publisher';
import { kafkaClient, TookTooLong, within } from './client';
import { allAcknowledged, KafkaPublisher } from './publisher';

const answered = (topicName: string, partition: number, errorCode = 0) => ({
  topicName,
  partition,
  errorCode,
});

describe('a send', () => {
  it('is acknowledged when every topic-partition of it has answered without an error', () => {
    expect(() =>
      allAcknowledged(new Set(['a/0', 'b/1']), [answered('b', 1), answered('a', 0)]),
    ).not.toThrow();
  });

  it('is not when one is missing in the answer, though kafkajs resolves', () => {
    expect(() => allAcknowledged(new Set(['a/0', 'b/1']), [answered('a', 0)])).toThrow(
      'did not acknowledge b/1',
    );
    expect(() => allAcknowledged(new Set(['a/0']), [])).toThrow('a/0');
  });

  it('is not when one has an error', () => {
    expect(() => allAcknowledged(new Set(['a/0']), [answered('a', 0, 6)])).toThrow(Refused);
  });

  it('to a broker that is away is rejected, again and again, and closing gives it up', async () => {
    const client = kafkaClient(
      { brokers: ['127.0.0.1:1'], clientId: 'spec', tls: false },
      { log: () => undefined },
    );
    const publisher = new KafkaPublisher(client);
    const message = { topic: 't', key: 'k', headers: {}, value: Buffer.from('{}') };
    for (let i = 0; i < 2; i++) await expect(publisher.publish([message])).rejects.toThrow(/Kafka/);
    const last = publisher.publish([message]);
    await publisher.close();
    await expect(last).rejects.toThrow();
    await expect(publisher.publish([message])).rejects.toThrow();
  });

  it('a call that hangs is left after its time', async () => {
    await expect(within(10, 'it', new Promise(() => undefined))).rejects.toThrow(TookTooLong);
    await expect(within(1_000, 'it', Promise.resolve(1))).resolves.toBe(1);
    await expect(within(1_000, 'it', new Promise(() => undefined), AbortSignal.abort())).rejects.toThrow(
      'given up',
    );
  });
});
