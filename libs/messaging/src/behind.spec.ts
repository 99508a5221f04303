import { Behind } from './behind';

const MIB = 1_048_576n;

describe('how long a channel is behind', () => {
  it('is the time since an end of the log was heard of that it has not reached, whatever the distance', () => {
    const behind = new Behind();
    expect(behind.ms('a', 0n, 0n, 0)).toBe(0);
    expect(behind.ms('a', 0n, 1n, 1_000)).toBe(0);
    expect(behind.ms('a', 0n, 900n * MIB, 3_500)).toBe(2_500);
    expect(behind.ms('b', 0n, 900n * MIB, 3_500)).toBe(0);
  });

  it('is nothing for one that keeps up with a log that moves on, however far positions are apart', () => {
    const behind = new Behind();
    for (let at = 1n; at < 100n; at++)
      expect(behind.ms('a', (at - 1n) * MIB, at * MIB, Number(at) * 10_000)).toBe(0);
  });

  it('is not counted from an end that the log does not have any more: an older copy was put back', () => {
    const behind = new Behind();
    behind.ms('a', 5n, 100n, 0);
    expect(behind.ms('a', 5n, 5n, 10_000)).toBe(0);
    expect(behind.ms('a', 5n, 7n, 20_000)).toBe(0);
    expect(behind.ms('a', 5n, 8n, 20_500)).toBe(500);
  });

  it('begins again with the next end that it does not reach', () => {
    const behind = new Behind();
    behind.ms('a', 0n, 5n, 0);
    expect(behind.ms('a', 5n, 9n, 10_000)).toBe(0);
    expect(behind.ms('a', 5n, 9n, 10_100)).toBe(100);
  });
});
