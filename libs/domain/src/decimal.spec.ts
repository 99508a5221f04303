import fc from 'fast-check';

import { betterWay, judgedWay } from './bounds';
import { differsAtMost, minus } from './decimal';
import type { Bound } from './events';
import { judge } from './gate';
import { NOTHING_EVALUATED } from './state';
import { digest } from './testing/scenario';

it.each([
  [0.91, 0.9, 0.01],
  [0.3, 0.1, 0.2],
  [1e21, 1, 1e21],
  [1e-7, 2e-7, -1e-7],
  [85.4912021416, 85.3127782725, 0.1784238691],
  [5e-324, 0, 5e-324],
  [-0, 0, 0],
  [1.7e308, -1.7e308, Number.MAX_VALUE],
  [-1.7e308, 1.7e308, -Number.MAX_VALUE],
])('%p − %p is %p', (a, b, expected) => {
  expect(minus(a, b)).toBe(expected);
});

it('judges a difference exactly, also where the difference has no exact number', () => {
  expect(differsAtMost(0.91, 0.9, 0.01)).toBe(true);
  expect(differsAtMost(0.9100000000000001, 0.9, 0.01)).toBe(false);
  expect(differsAtMost(1e300, 1e-300, 1e300)).toBe(true);
  expect(differsAtMost(1e300, -1e-300, 1e300)).toBe(false);
});

it('is exact on decimals of up to six places', () => {
  const places = fc.integer({ min: -1e9, max: 1e9 });
  fc.assert(fc.property(places, places, (a, b) => minus(a / 1e6, b / 1e6) === (a - b) / 1e6));
});

it.each([
  [{ min: 1 }, 'higher'],
  [{ max: 1 }, 'lower'],
  [{ min: 1, better: 'lower' as const }, undefined],
  [{ min: 1, max: 2 }, undefined],
  [{ min: 1, max: 2, better: 'lower' as const }, 'lower'],
  [{ better: 'higher' as const }, 'higher'],
  [{}, undefined],
])('which way is better in %j: %p', (bound, way) => {
  expect(betterWay(bound)).toBe(way);
});

it.each<[Bound, string | undefined]>([
  [{ min: 1 }, 'higher'],
  [{ max: 1 }, 'lower'],
  [{ min: 1, max: 2 }, undefined],
  [{ maxRegression: 0.5, better: 'higher' }, 'higher'],
  [{ maxRegression: 0.5, better: 'lower' }, 'lower'],
  [{ min: 1, max: 2, maxRegression: 0.5, better: 'lower' }, 'lower'],
  [{ max: 2, maxRegression: 0.5 }, 'lower'],
])('the verdicts on %j, wherever the metric went, say which way is better: %p', (bound, way) => {
  for (const [value, live] of [
    [0.9, 0.1],
    [0.1, 0.9],
    [0.3, 0.1],
    [0, 0.7],
  ] as const) {
    const measured = { metrics: { 'f1 >= 1': value }, thresholds: { 'f1 >= 1': bound } };
    const rules = judge(measured, { version: 1, metrics: { 'f1 >= 1': live } });
    expect(judgedWay(rules, 'f1 >= 1', minus(value, live))).toBe(way);
    expect(judgedWay(rules, 'f1', minus(value, live))).toBeUndefined();
  }
});

it('verdicts that disagree do not say which way is better', () => {
  const by = (bound: Bound) =>
    judge({ metrics: { f1: 2 }, thresholds: { f1: bound } }, { version: 1, metrics: { f1: 1 } });
  const regression = { maxRegression: 5 };
  const ways = (...bounds: Bound[]) => judgedWay(bounds.flatMap(by), 'f1', 1);
  expect(ways({ min: 1 }, { max: 3 })).toBeUndefined();
  expect(ways({ min: 1 }, { min: 2 })).toBe('higher');
  expect(
    ways({ ...regression, better: 'higher' }, { ...regression, better: 'lower' }, { min: 1 }),
  ).toBeUndefined();
});

it('nothing evaluated is the digest of the empty list', () => {
  expect(NOTHING_EVALUATED).toBe(digest([]));
});
