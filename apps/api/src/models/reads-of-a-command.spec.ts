import { accessStream, policyStream } from '@gatehouse/domain';
import type { EventStore } from '@gatehouse/eventsourcing';
import { EVENT_STORE } from '@gatehouse/platform';
import { Edge } from '../testing/edge';
import { grpcDoor, httpDoor, type Door } from './testing/doors';
import { release, run } from './testing/lives';

// On EventStoreDB each of these is a way to the server and back.
describe.each([
  ['HTTP', httpDoor, 201],
  ['gRPC', grpcDoor, 0],
])('a command over %s', (name, door: (edge: Edge) => Door, ok) => {
  const model = `model-${name.toLowerCase()}`;
  let edge: Edge;
  let read: jest.SpyInstance<AsyncIterable<unknown>, [stream: string, from?: bigint]>;

  beforeAll(async () => {
    edge = await Edge.open();
    const store = edge.running.app.get<EventStore>(EVENT_STORE);
    read = jest.spyOn(store, 'read');
    await ask({ verb: 'register', body: release(1) });
  });
  afterAll(() => edge.close());

  const ask = (question: Pick<Parameters<Door['ask']>[0], 'verb' | 'version' | 'body'>) =>
    door(edge).ask({ ...question, model, tenant: 'acme', actor: 'ci', kind: 'service' });

  it('reads who may do what, and which policies are in force, once each, and its own stream not at all', async () => {
    read.mockClear();
    const { status } = await ask({ verb: 'evaluate', version: 1, body: run(0.9) });
    expect(status).toBe(ok);
    const streams = read.mock.calls.map(([stream]) => stream).sort();
    expect(streams).toEqual([accessStream('acme'), policyStream('acme')].sort());
  });
});
