import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { SqliteEventStore } from '@gatehouse/event-store';
import type { NewEvent, Recorded } from '@gatehouse/eventsourcing';
import { HttpClient } from '../test/support/http';
import { CI, EVALUATION, must, promote, readyVersion } from '../test/support/life';
import { startService } from '../test/support/service';

const IN_FLIGHT = 256;

/** The events of a model as the service itself writes them: two versions that went live, one after the other. Ten events. */
export async function modelLife(data: string): Promise<Recorded[]> {
  const service = await startService({ GATEHOUSE_DATA: data });
  const http = new HttpClient(service.http);
  await must(promote(http, 'pattern', await readyVersion(http, 'pattern', 'first')));
  await must(promote(http, 'pattern', await readyVersion(http, 'pattern', 'second')));
  for (const version of [1, 2])
    await must(http.post(`/v1/models/pattern/versions/${version}/evaluations`, { ...CI, body: EVALUATION }));
  http.close();
  await service.stop();

  const store = await SqliteEventStore.open({ file: join(data, 'events.db') });
  const events: Recorded[] = [];
  const { signal } = new AbortController();
  // Keys of the service that wrote them are of no use elsewhere.
  for await (const event of store.readAll(0n, { follow: false, signal, prefix: 'model-' }))
    events.push(event);
  await store.close();
  return events;
}

/** A log of many models with the same life, written straight into the store. */
export async function seedLog(data: string, life: readonly Recorded[], models: number): Promise<void> {
  const store = await SqliteEventStore.open({ file: join(data, 'events.db') });
  let next = 0;
  const worker = async () => {
    while (next < models) {
      const model = seededModel(next++);
      await store.append(
        `model-default.${model}`,
        -1n,
        life.map((event) => copyFor(model, event)),
      );
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, worker));
  await store.close();
}

export const seededModel = (index: number) => `model-${index}`;

function copyFor(model: string, { type, data, meta }: Recorded): NewEvent {
  const id = randomUUID();
  return { id, type, data, meta: { ...meta, id, model } };
}
