import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GrpcClient } from './support/grpc';
import { HttpClient, type Live } from './support/http';
import { must, promote, readyVersion, RELEASER } from './support/life';
import { scaled } from './support/scale';
import { type Service, startService } from './support/service';

const CLIENTS = 64;
const ROUNDS = scaled(1_000);
/** A stack of its own for every so many races. */
const ROUNDS_A_MODEL = 250;

type Outcome = {
  version: number;
  won: boolean;
  code: string | undefined;
  pointsTo: number | 'not said' | undefined;
};

describe('64 clients race to promote, each its own version, all expecting the same pointer', () => {
  const data = mkdtempSync(join(tmpdir(), 'gatehouse-race-'));
  let service: Service;
  let http: HttpClient[];
  let grpc: GrpcClient[];

  beforeAll(async () => {
    service = await startService({ GATEHOUSE_DATA: data });
    http = Array.from({ length: CLIENTS }, () => new HttpClient(service.http));
    grpc = Array.from({ length: 4 }, () => new GrpcClient(service.grpc));
  });
  afterAll(async () => {
    http.forEach((client) => client.close());
    grpc.forEach((client) => client.close());
    await service.stop();
    rmSync(data, { recursive: true, force: true });
  });

  /** One more than race, so that the live one can sit out: promoting what is live already would change nothing. */
  const readyVersions = (model: string) =>
    Promise.all(
      Array.from({ length: CLIENTS + 1 }, (_, i) => readyVersion(http[i % CLIENTS]!, model, `${model} ${i}`)),
    );

  const overHttp = async (i: number, model: string, version: number, ifPointer: number): Promise<Outcome> => {
    const { status, body } = await promote(http[i]!, model, version, { ifPointer });
    return {
      version,
      won: status === 200 && body.changed,
      code: body.code,
      pointsTo: body.live?.current?.version,
    };
  };

  const overGrpc = async (i: number, model: string, version: number, ifPointer: number): Promise<Outcome> => {
    const answer = await grpc[i % grpc.length]!.call<{ changed: boolean }>(
      'Promote',
      { model, version },
      { ...RELEASER, ifPointer },
    );
    if (answer.ok) return { version, won: answer.body.changed, code: undefined, pointsTo: version };
    return { version, won: false, code: answer.code ?? `grpc ${answer.grpc}`, pointsTo: 'not said' };
  };

  /** Every eighth client comes through the gRPC door. */
  const race = (model: string, versions: readonly number[], ifPointer: number) =>
    Promise.all(
      versions.map((version, i) => (i % 8 === 7 ? overGrpc : overHttp)(i, model, version, ifPointer)),
    );

  it(`lets exactly one win, ${ROUNDS} times, and tells the others who it was`, async () => {
    let pointer = 0;
    let live: number | undefined;
    let versions: number[] = [];
    let model = '';
    for (let round = 0; round < ROUNDS; round++) {
      if (round % ROUNDS_A_MODEL === 0) {
        model = `raced-${round}`;
        versions = await readyVersions(model);
        [pointer, live] = [0, undefined];
      }
      const racing = versions.filter((version) => version !== live).slice(0, CLIENTS);
      const outcomes = await race(model, racing, pointer);

      const winners = outcomes.filter((outcome) => outcome.won);
      expect(winners).toHaveLength(1);
      live = winners[0]!.version;
      for (const loser of outcomes.filter((outcome) => !outcome.won)) {
        expect(loser.code).toBe('pointer-moved');
        if (loser.pointsTo !== 'not said') expect(loser.pointsTo).toBe(live);
      }
      pointer += 1;
    }
  }, 600_000);

  it('leaves one pointer move per race in the log, and the last winner live', async () => {
    const events = await http[0]!.events('0');
    for (let from = 0; from < ROUNDS; from += ROUNDS_A_MODEL) {
      const model = `raced-${from}`;
      const moves = events.filter((event) => event.model === model && event.type === 'model.Promoted');
      expect(moves.map((move) => move.data.pointer)).toEqual(
        Array.from({ length: Math.min(ROUNDS_A_MODEL, ROUNDS - from) }, (_, i) => i + 1),
      );
      const live = await http[0]!.getCaughtUp<Live>(`/v1/models/${model}/live`);
      expect(live.body.current!.version).toBe(moves.at(-1)!.data.version);
    }
  });

  it('does not turn a race without an expected pointer into an error', async () => {
    const versions = await Promise.all(
      Array.from({ length: 8 }, (_, i) => readyVersion(http[i]!, 'unraced', `unraced ${i}`)),
    );
    const answers = await Promise.all(
      versions.map((version, i) => must(promote(http[i]!, 'unraced', version))),
    );
    expect(answers.map((answer) => answer.live.revision).sort((a, b) => a - b)).toEqual([
      1, 2, 3, 4, 5, 6, 7, 8,
    ]);
  });
});
