import {
  betterWay,
  boundsIn,
  BUILT_IN,
  durationMs,
  isInstant,
  type Freeze,
  type PolicyDocument,
} from '@gatehouse/domain';
import { compileExpression } from './cel';
import type { Place } from './cel-variables';
import POLICY_SCHEMA from './policy.schema.json';
import { at, PolicyRefused, type PolicyError } from './refused';
import { checkedBy } from './schema';
import { isWindow, isZone } from './week';

/** The published JSON Schema (2020-12). */
export { POLICY_SCHEMA };

const asDocument = checkedBy<PolicyDocument>(POLICY_SCHEMA);

/** The value as a policy. Throws `PolicyRefused` with everything that is wrong with its shape, or else with everything else that is. */
export function checkPolicy(from: unknown): PolicyDocument {
  const value = asDocument(from);
  const errors = [
    ...nameErrors(value),
    ...durationErrors(value, ''),
    ...countErrors(value),
    ...boundErrors(value),
    ...freezeErrors(value),
    ...approvalErrors(value),
    ...ruleErrors('register', value.register?.rules),
    ...ruleErrors('production', value.production?.rules),
  ];
  if (errors.length > 0) throw new PolicyRefused(errors);
  return value;
}

function nameErrors({ policy, models }: PolicyDocument): PolicyError[] {
  const reserved = {
    pointer: '/policy',
    message: 'is the name of the policy that is built in; choose another',
  };
  return [
    ...(policy === BUILT_IN ? [reserved] : []),
    // Patterns are compared with each other, character by character.
    ...models.flatMap((pattern, i) =>
      pattern.includes('*') && pattern.length > 64
        ? [{ pointer: `/models/${i}`, message: 'must have at most 64 characters with a *' }]
        : [],
    ),
  ];
}

const DURATIONS = new Set(['maxAge', 'approvalsValidFor', 'soak', 'reviewWithin', 'notice']);

function durationErrors(value: object, pointer: string): PolicyError[] {
  return Object.entries(value).flatMap(([name, inner]: [string, unknown]) => {
    const here = at(pointer, name);
    if (DURATIONS.has(name) && typeof inner === 'string' && !durationMs(inner))
      return [
        { pointer: here, message: 'must be an ISO 8601 duration longer than nothing, e.g. P7D or PT24H' },
      ];
    return typeof inner === 'object' && inner !== null ? durationErrors(inner, here) : [];
  });
}

/** Each comes to every suite that its pattern matches: a judgement has 1,000, on 50 suites at most. */
const MOST_BOUNDS = 200;

function countErrors({ staging }: PolicyDocument): PolicyError[] {
  const count = (staging?.suites ?? []).reduce((sum, { metrics = {} }) => sum + boundsIn(metrics), 0);
  if (count <= MOST_BOUNDS) return [];
  const message = `have ${count} bounds together; the most is ${MOST_BOUNDS}`;
  return [{ pointer: '/staging/suites', message }];
}

function boundErrors({ staging }: PolicyDocument): PolicyError[] {
  return (staging?.suites ?? []).flatMap(({ metrics }, i) =>
    Object.entries(metrics ?? {}).flatMap(([metric, bound]) => {
      const pointer = at(`/staging/suites/${i}/metrics`, metric);
      const { min, max, maxRegression, better } = bound;
      if (min === undefined && max === undefined && maxRegression === undefined)
        return [{ pointer, message: 'must have at least one of min, max, maxRegression' }];
      if (min !== undefined && max !== undefined && min > max)
        return [{ pointer: at(pointer, 'min'), message: 'must not be above max' }];
      if (betterWay(bound) === undefined && (maxRegression !== undefined || better !== undefined))
        return [
          {
            pointer: at(pointer, 'better'),
            message:
              'must say higher or lower, and not against min or max: which way is worse cannot be told',
          },
        ];
      return [];
    }),
  );
}

function freezeErrors({ production }: PolicyDocument): PolicyError[] {
  return (production?.freeze ?? []).flatMap((freeze, i) => oneFreeze(freeze, `/production/freeze/${i}`));
}

function oneFreeze(freeze: Freeze, pointer: string): PolicyError[] {
  if ('weekly' in freeze === 'from' in freeze)
    return [{ pointer, message: 'must have either from and to, or weekly and zone' }];
  const wrong = (member: string, message: string) => ({ pointer: at(pointer, member), message });
  if ('weekly' in freeze)
    return [
      ...(isWindow(freeze.weekly) ? [] : [wrong('weekly', 'must not end where it begins')]),
      ...(isZone(freeze.zone) ? [] : [wrong('zone', 'must be an IANA time zone, e.g. Europe/London')]),
    ];
  const none = (['from', 'to'] as const).filter((member) => !isInstant(freeze[member]));
  if (none.length > 0)
    return none.map((member) => wrong(member, 'must be an instant (RFC 3339) that there is'));
  return Date.parse(freeze.to) > Date.parse(freeze.from) ? [] : [wrong('to', 'must be after from')];
}

function approvalErrors({ production }: PolicyDocument): PolicyError[] {
  const demands = production?.approvals ?? [];
  return demands.flatMap(({ capacity }, i) =>
    demands.findIndex((other) => other.capacity === capacity) === i
      ? []
      : [{ pointer: `/production/approvals/${i}`, message: 'names a capacity twice; raise its count' }],
  );
}

function ruleErrors(place: Place, rules: readonly { name: string; expr: string }[] = []): PolicyError[] {
  const names = new Set<string>();
  return rules.flatMap(({ name, expr }, i) => {
    const pointer = `/${place}/rules/${i}`;
    const twice = names.has(name) ? [{ pointer: at(pointer, 'name'), message: 'is there twice' }] : [];
    names.add(name);
    const compiled = compileExpression(place, expr);
    return 'refused' in compiled
      ? [...twice, { pointer: at(pointer, 'expr'), message: compiled.refused }]
      : twice;
  });
}
