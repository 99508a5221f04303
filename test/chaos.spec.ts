import { randomInt, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { account } from './support/account';
import { Cluster, untilReady } from './support/cluster';
import { foldPointer, numbersOf } from './support/fold';
import { type Event, HttpClient, type Live, type Written } from './support/http';
import { promote, readyVersion } from './support/life';
import { scaled } from './support/scale';
import { Storm } from './support/storm';

const COMMANDS = scaled(10_000);
const RACES = scaled(500);
const REPLICAS = 3;
const RACERS = 64;
/** Races at a time, each on a model of its own: a call that hangs for three seconds holds up its own race only. */
const AT_A_TIME = Math.min(8, RACES);
const FAULTS = { rate: 0.05, seed: randomInt(2 ** 31) };
const MODELS = Array.from({ length: 24 }, (_, i) => `stormy-${i}`);
const acme = { tenant: 'acme' };

describe(`${REPLICAS} replicas on an EventStoreDB that fails on ${FAULTS.rate * 100} % of calls (seed ${FAULTS.seed})`, () => {
  let cluster: Cluster;
  let http: HttpClient[];

  beforeAll(async () => {
    // One call in a hundred is never answered: each would hold up its model for 3 s otherwise.
    cluster = await Cluster.start(REPLICAS, { GATEHOUSE_EVENT_STORE_TIMEOUT_MS: '250' });
    http = cluster.replicas.map((service) => new HttpClient(service.http));
    // Opens the tenant, and makes the first key of it, while there are no faults.
    await http[0]!.get('/v1/log', acme);
  }, 300_000);
  beforeEach(() => cluster.store.tell({ do: 'random', chance: FAULTS }));
  afterEach(() => cluster.store.tell({ do: 'clear' }));
  afterAll(async () => {
    http?.forEach((client) => client.close());
    await cluster?.stop();
  });

  /** What the server itself holds of the models, in its order. The id that we gave an event is in its metadata. */
  const stored = async () =>
    (await cluster.store.events())
      .filter(({ stream }) => stream.startsWith('gatehouse-model-acme.'))
      .map(({ stream, revision, metadata }) => {
        const { id } = JSON.parse(metadata) as { id: string };
        return `${stream} ${revision} ${id}`;
      });

  /** While the work goes on: the pointer that a replica shows never goes back. */
  const watched = async (work: Promise<void>) => {
    let done = false;
    const watch = async (replica: HttpClient) => {
      const shown = new Map<string, number>();
      for (; !done; await sleep(50)) {
        const model = MODELS[randomInt(MODELS.length)]!;
        const { status, body } = await replica.get<Live>(`/v1/models/${model}/live`, acme);
        if (status !== 200) continue;
        expect(body.revision).toBeGreaterThanOrEqual(shown.get(model) ?? 0);
        shown.set(model, body.revision);
      }
    };
    await Promise.all([work.finally(() => (done = true)), ...http.map(watch)]);
  };

  describe(`${COMMANDS} commands from 16 clients`, () => {
    let storm: Storm;
    let log: Event[];

    beforeAll(async () => {
      const began = performance.now();
      await cluster.store.tell({ do: 'random', chance: FAULTS });
      storm = new Storm(cluster.replicas, MODELS);
      await watched(storm.run(COMMANDS, { http: 12, grpc: 4 }));
      const seconds = (performance.now() - began) / 1_000;
      const faults = Object.values(await cluster.store.counts()).reduce((sum, n) => sum + n, 0);
      await cluster.store.tell({ do: 'clear' });
      await Promise.all(cluster.replicas.map(untilReady));
      log = await http[0]!.events('0', acme);
      const again = storm.sent.filter(({ inDoubt }) => inDoubt).length;
      console.info(
        `${storm.sent.length} commands in ${seconds.toFixed()} s: ${faults} faults, ${again} sent again, ${log.length} events`,
      );
      // Or it proves little.
      expect(faults).toBeGreaterThan(COMMANDS / 20);
    }, 1_500_000);

    it('I1, I2: what was acknowledged is in the log once, where the answer said; what was refused is not in it', () => {
      expect(storm.sent.filter(({ outcome }) => outcome.kind === 'unknown')).toEqual([]);
      account(storm.sent, log);
      expect(new Set(log.map(({ id }) => id)).size).toBe(log.length);
      const recorded = storm.sent.filter(({ outcome }) => outcome.kind === 'recorded');
      expect(recorded.length).toBeGreaterThan(COMMANDS / 2);
    });

    it('I3: revisions have no gaps, positions go upwards, and what the server holds is what every replica says', async () => {
      const next = new Map<string, number>();
      for (const { stream, revision } of log) {
        expect(Number(revision)).toBe(next.get(stream) ?? 0);
        next.set(stream, Number(revision) + 1);
      }
      const positions = log.map(({ position }) => BigInt(position));
      expect(positions.every((position, i) => i === 0 || position > positions[i - 1]!)).toBe(true);
      const told = log.map(({ id, revision, stream }) => `gatehouse-${stream} ${revision} ${id}`);
      expect(await stored()).toEqual(told);
      for (const replica of http.slice(1)) expect(await replica.events('0', acme)).toEqual(log);
    });

    it('I4: every move of every pointer goes on from the one before, and each replica shows the fold of the log', async () => {
      for (const model of MODELS) {
        const events = log.filter((event) => event.model === model);
        // Throws where an event leaves what was not live, or leaves a revision out.
        const folded = foldPointer(events);
        for (const replica of http) {
          const { status, body } = await replica.getCaughtUp<Live>(`/v1/models/${model}/live`, acme);
          expect({ model, ...(status === 404 ? foldPointer([]) : numbersOf(body)) }).toEqual({
            model,
            ...folded,
          });
        }
      }
    });

    it('nothing went live that was not approved as it was evaluated', () => {
      const fit = new Set<string>();
      for (const { type, model, version } of log) {
        const one = `${model} ${version}`;
        if (type === 'model.Evaluated' || type === 'model.Rejected') fit.delete(one);
        if (type === 'model.Approved') fit.add(one);
        if (type === 'model.Promoted') expect([one, fit.has(one)]).toEqual([one, true]);
      }
    });
  });

  describe(`${RACERS} clients race for one promotion`, () => {
    /** Sends again, to the next replica, what nobody answered. */
    const insist = async (
      first: number,
      model: string,
      version: number,
      ifPointer: number,
    ): Promise<Written> => {
      const key = randomUUID();
      for (let tries = 0; tries < 30; tries++) {
        const replica = http[(first + tries) % REPLICAS]!;
        const { status, body } = await promote(replica, model, version, { key, ifPointer, ...acme });
        if (status < 500 && body.code !== 'timeout') return body;
        await sleep(randomInt(20, 200));
      }
      throw new Error(`nobody answers: ${model} ${version}`);
    };

    /** Races on one model, one after the other; answers the winners. */
    const races = async (model: string, at: number, rounds: number): Promise<number[]> => {
      // Without faults, and each model on one replica: the races are what is tried here.
      const home = http[at % REPLICAS]!;
      const versions: number[] = [];
      for (let i = 0; i <= RACERS; i++) versions.push(await readyVersion(home, model, i, acme));
      ready++;
      while (ready < AT_A_TIME) await sleep(20);
      await cluster.store.tell({ do: 'random', chance: FAULTS });
      const winners: number[] = [];
      for (let pointer = 0; pointer < rounds; pointer++) {
        const racing = versions.filter((version) => version !== winners.at(-1)).slice(0, RACERS);
        const answers = await Promise.all(
          racing.map((version, i) => insist(i, model, version, pointer).then((body) => ({ version, body }))),
        );
        const won = answers.filter(({ body }) => body.changed);
        expect(won).toHaveLength(1);
        for (const { body } of answers.filter((answer) => answer !== won[0]))
          expect(body).toMatchObject({
            code: 'pointer-moved',
            live: { current: { version: won[0]!.version } },
          });
        winners.push(won[0]!.version);
      }
      return winners;
    };
    let ready = 0;

    it(`${RACES} times: one wins, and the others are told who it was`, async () => {
      await cluster.store.tell({ do: 'clear' });
      const began = performance.now();
      const models = Array.from({ length: AT_A_TIME }, (_, i) => `raced-${i}`);
      const rounds = models.map((_, i) => Math.floor((RACES + i) / AT_A_TIME));
      const winners = await Promise.all(models.map((model, i) => races(model, i, rounds[i]!)));
      expect(winners.flat()).toHaveLength(RACES);
      await cluster.store.tell({ do: 'clear' });
      console.info(`${RACES} races in ${((performance.now() - began) / 1_000).toFixed()} s`);
      const log = await http[0]!.events('0', acme);
      for (const [i, model] of models.entries()) {
        const moves = log.filter((event) => event.model === model && event.type === 'model.Promoted');
        expect(moves.map(({ version }) => version)).toEqual(winners[i]);
        for (const replica of http) {
          const { body } = await replica.getCaughtUp<Live>(`/v1/models/${model}/live`, acme);
          expect(body).toMatchObject({ revision: rounds[i], current: { version: winners[i]!.at(-1) } });
        }
      }
    }, 1_500_000);
  });
});
