import { readStatusDetails, statusDetails, type StatusDetails } from './index';

const refusal: StatusDetails = {
  code: 3,
  message: 'the request is not valid',
  reason: 'invalid',
  metadata: { instance: 'r-1' },
  fieldViolations: [{ field: '/manifest/artifacts/0/digest', description: 'must be a digest' }],
  retryAfterMs: 1500,
};

describe('grpc-status-details-bin', () => {
  test('reads back as it was written', () => {
    expect(readStatusDetails(statusDetails(refusal))).toEqual(refusal);
    const least: StatusDetails = { code: 5, message: '', reason: 'not-found' };
    expect(readStatusDetails(statusDetails(least))).toEqual(least);
  });

  // Made with the official encoding by hand: Status { 1: code, 3: Any { 1: type_url, 2: ErrorInfo { 1: reason, 2: domain } } }.
  test('is what every google.rpc client reads', () => {
    const field = (number: number, inside: Buffer | string): Buffer => {
      const bytes = Buffer.from(inside as string);
      return Buffer.concat([Buffer.from([(number << 3) | 2, bytes.length]), bytes]);
    };
    const info = Buffer.concat([field(1, 'not-found'), field(2, 'gatehouse')]);
    const any = Buffer.concat([field(1, 'type.googleapis.com/google.rpc.ErrorInfo'), field(2, info)]);
    const status = Buffer.concat([Buffer.from([8, 5]), field(2, 'x'), field(3, any)]);
    expect(statusDetails({ code: 5, message: 'x', reason: 'not-found' }).equals(status)).toBe(true);
  });

  test('stays under 4 KiB and keeps the code, however much there is to say', () => {
    const much = statusDetails({
      ...refusal,
      message: 'é'.repeat(9_000),
      metadata: { small: 'kept', gate: 'x'.repeat(9_000) },
      fieldViolations: Array.from({ length: 5_000 }, (_, i) => ({
        field: `/metrics/${i}`,
        description: 'is not a number',
      })),
    });
    expect(much.length).toBeLessThanOrEqual(4096);
    const read = readStatusDetails(much);
    expect(read).toMatchObject({ reason: 'invalid', metadata: { small: 'kept' }, retryAfterMs: 1500 });
    expect(read?.metadata).not.toHaveProperty('gate');
    expect(read?.fieldViolations?.length).toBeGreaterThan(20);
    expect(read?.fieldViolations?.[0]?.field).toBe('/metrics/0');
  });

  test('of somebody else is not ours', () => {
    expect(readStatusDetails(Buffer.from([8, 5]))).toBeUndefined();
    expect(() => readStatusDetails(Buffer.from('not a Status'))).toThrow();
  });
});
