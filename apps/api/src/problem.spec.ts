import { Controller, Get, Module, Query } from '@nestjs/common';
import { GrpcMethod, Payload } from '@nestjs/microservices';
import { status } from '@grpc/grpc-js';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Rejected } from '@gatehouse/domain';
import {
  DeadlinePassed,
  EventTooLarge,
  LogTruncated,
  OutcomeUnknown,
  QueueFull,
  StoreUnavailable,
  WrongRevision,
} from '@gatehouse/eventsourcing';
import { Operation } from '@gatehouse/platform';
import { AccessModule } from './access/access.module';
import { EDGE } from './app.module';
import { readStatusDetails } from '@gatehouse/contracts';
import { failureOf } from './grpc-failure';
import { Problem, PROBLEMS, type ProblemCode } from './problem';
import { Edge } from './testing/edge';

const ERRORS: Record<string, () => Error> = {
  WrongRevision: () => new WrongRevision('model-secret.x', 1n, 2n),
  OutcomeUnknown: () => new OutcomeUnknown('the disk is gone'),
  StoreUnavailable: () => new StoreUnavailable('the disk is full'),
  EventTooLarge: () => new EventTooLarge(600_000),
  QueueFull: () => new QueueFull('model-secret.x'),
  DeadlinePassed: () => new DeadlinePassed('model-secret.x'),
  LogTruncated: () => new LogTruncated('model-secret.x', 3n),
  TypeError: () => new TypeError('a secret of ours'),
  Rejected: () =>
    new Rejected('gate-not-met', 'Evaluate it.', {
      gate: [{ rule: 'f1 >= 0.9', required: 0.9, observed: null, verdict: 'inconclusive' }],
    }),
};

/** Throws what it is asked for: a code of the table, or the name of an error of the libraries. */
@Controller('v1/throw')
class Throwing {
  @Get()
  @Operation('list')
  overHttp(@Query('it') it: string): never {
    throw thrown(it);
  }

  @GrpcMethod('Registry', 'GetLive')
  @Operation('read')
  overGrpc(@Payload() { model }: { model: string }): never {
    throw thrown(model);
  }
}

@Module({ imports: [AccessModule], controllers: [Throwing], providers: EDGE })
class ThrowingModule {}

function thrown(it: string): Error {
  return (
    ERRORS[it]?.() ??
    new Problem(it as ProblemCode, `do ${it}`, {
      errors: [{ pointer: '/a/0', message: 'is wrong' }],
      retryAfter: 7,
    })
  );
}

let edge: Edge;
beforeAll(async () => {
  edge = await Edge.open({}, ThrowingModule);
});
afterAll(() => edge.close());

describe.each(Object.keys(PROBLEMS) as ProblemCode[])('the code %s', (code) => {
  it('is a problem+json of RFC 9457 with its status, over HTTP', async () => {
    const { status, headers, body } = await edge.http(`/v1/throw?it=${code}`, {
      headers: { 'x-request-id': 'r-1' },
    });
    expect(status).toBe(PROBLEMS[code].status);
    expect(headers.get('content-type')).toBe('application/problem+json');
    expect(headers.get('retry-after')).toBe('7');
    expect(headers.get('x-request-id')).toBe('r-1');
    expect(body).toEqual({
      type: `urn:gatehouse:${code}`,
      title: PROBLEMS[code].title,
      status,
      detail: `do ${code}`,
      instance: 'r-1',
      code,
      errors: [{ pointer: '/a/0', message: 'is wrong' }],
    });
  });

  it('is a status with ErrorInfo, BadRequest and RetryInfo, over gRPC', async () => {
    const {
      code: status,
      details,
      trailing,
    } = await edge.rpc('GetLive', { model: code }, { 'x-request-id': 'r-2' });
    expect(status).toBe(PROBLEMS[code].grpc);
    expect(trailing?.get('x-request-id')).toEqual(['r-2']);
    expect(details).toMatchObject({
      reason: code,
      metadata: { instance: 'r-2' },
      fieldViolations: [{ field: '/a/0', description: 'is wrong' }],
      retryAfterMs: 7_000,
    });
  });
});

describe('an error of the libraries', () => {
  it.each([
    ['WrongRevision', 'conflict'],
    ['OutcomeUnknown', 'outcome-unknown'],
    ['StoreUnavailable', 'store-unavailable'],
    ['EventTooLarge', 'too-large'],
    ['QueueFull', 'slow-down'],
    ['DeadlinePassed', 'timeout'],
    ['LogTruncated', 'store-unavailable'],
    ['TypeError', 'internal'],
    ['Rejected', 'gate-not-met'],
  ] as const)('%s is %s on both doors, and tells nothing of its own', async (name, code) => {
    const http = await edge.http(`/v1/throw?it=${name}`);
    const grpc = await edge.rpc('GetLive', { model: name });
    expect(http.status).toBe(PROBLEMS[code].status);
    expect(http.body['code']).toBe(code);
    expect(grpc.code).toBe(PROBLEMS[code].grpc);
    expect(grpc.details?.reason).toBe(code);
    expect(http.text + JSON.stringify(grpc.details)).not.toMatch(/secret|disk/);
    if (code === 'slow-down') expect(Number(http.headers.get('retry-after'))).toBeGreaterThan(0);
  });

  it('carries the facts of a refusal', async () => {
    const gate = [{ rule: 'f1 >= 0.9', required: 0.9, observed: null, verdict: 'inconclusive' }];
    expect((await edge.http('/v1/throw?it=Rejected')).body['gate']).toEqual(gate);
    const { details } = await edge.rpc('GetLive', { model: 'Rejected' });
    expect(JSON.parse(details!.metadata!['gate']!)).toEqual(gate);
  });
});

it('docs/api.md lists every code with its status on both doors, and no other', () => {
  const page = readFileSync(join(__dirname, '../../../docs/api.md'), 'utf8');
  const listed = [...page.matchAll(/^\| (\d{3}[\d, ]*?)(?: ([A-Z_]+))? +\| (.*?) *\|$/gm)].flatMap(
    ([, statuses, grpc, codes]) =>
      [...codes!.replace(/\([^)]*\)/g, '').matchAll(/`([a-z-]+)`/g)].map(([, code], i, all) => {
        const each = statuses!.split(', ').map(Number);
        return [code, each.length === all.length ? each[i] : each[0], grpc] as const;
      }),
  );
  const known = Object.entries(PROBLEMS).map(([code, { status: http }]) => [code, http]);
  const names = ([a]: readonly unknown[], [b]: readonly unknown[]) => (String(a) < String(b) ? -1 : 1);
  expect(listed.map(([code, http]) => [code, http]).sort(names)).toEqual(known.sort(names));
  for (const [code, , grpc] of listed)
    if (grpc !== undefined) expect([code, grpc]).toEqual([code, status[PROBLEMS[code as ProblemCode].grpc]]);
});

describe('a failure over gRPC', () => {
  const details = (problem: Problem) =>
    readStatusDetails(failureOf(problem, 'r-1').metadata.get('grpc-status-details-bin')[0] as Buffer)!;

  it.each([0, 1])(
    'never cuts a character in half (shifted by %s): grpc-js would throw where nobody catches',
    (shift) => {
      const problem = new Problem('invalid', 'x'.repeat(shift) + '😀'.repeat(2_000), {});
      expect(() => encodeURI(failureOf(problem, 'r-1').details)).not.toThrow();
      expect(() => encodeURI(details(problem).message)).not.toThrow();
    },
  );

  it('of a long gate tells the rules that did not pass, and how many there are', () => {
    const rule = (n: number) => ({
      rule: `m${n} >= 1`,
      required: 1,
      observed: n % 50,
      verdict: n % 50 ? 'pass' : 'fail',
    });
    const gate = Array.from({ length: 400 }, (_, n) => rule(n));
    const { metadata } = details(new Problem('gate-not-met', 'The gate is not met.', { gate }));
    const told = JSON.parse(metadata!['gate']!) as { verdict: string }[];
    expect(told.slice(0, 8).map(({ verdict }) => verdict)).toEqual(Array(8).fill('fail'));
    expect(told.length).toBeGreaterThan(15);
    expect(metadata!['gateTotal']).toBe('400');
  });
});
