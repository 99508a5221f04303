import { getEventListeners } from 'node:events';
import { kafkaClient } from './client';
import { keepConsuming } from './consuming';

const NOBODY = { brokers: ['127.0.0.1:1'], clientId: 'consuming-spec', tls: false } as const;

describe('a consumer that is kept running', () => {
  it('leaves nothing behind when it has to be replaced', async () => {
    const kafka = kafkaClient(NOBODY, { log: () => undefined });
    const leaving = new AbortController();
    const listening: number[] = [];
    await keepConsuming(
      () => kafka.consumer({ groupId: 'nobody' }),
      (consumer) => consumer.connect(),
      () => {
        listening.push(getEventListeners(leaving.signal, 'abort').length);
        if (listening.length === 3) leaving.abort();
      },
      leaving.signal,
    );
    expect(listening).toEqual([1, 1, 1]);
  });
});
