import type { ReasonCode } from '@gatehouse/domain';
import {
  breakGlassOf,
  is,
  nameOf,
  opening,
  type BreakGlass,
  type Opening,
  type Told,
  type ToldOf,
  type VersionName,
} from './told';
import { changesOf, NO_CHANGES, REASONS, sayBreakGlass, sayVersion, type Changes } from './words';

/** What `product` carries: what changed for users, in words. */
export type Product = Promotion | Rollback | Deprecation;

type Approval = { readonly by: string; readonly at: string; readonly comment: string | null };
type Plain<Event extends string> = Opening<Event> &
  Changes & {
    /** One sentence. */
    readonly headline: string;
    /** The changelog of what is live now, as it was written; of what goes, in a deprecation. */
    readonly change: string | null;
    readonly approvedBy: readonly Approval[];
    /** From when it holds. */
    readonly from: string;
    /** `by`: the day, UTC, by which customers should know. */
    readonly customers: { readonly tell: string; readonly by: string };
    readonly note: string | null;
  };
type Promotion = Plain<'promoted'> & {
  readonly live: VersionName;
  readonly previous: VersionName | null;
  readonly breakGlass: BreakGlass | null;
};
type Rollback = Plain<'rolled-back'> & {
  readonly live: VersionName | null;
  readonly previous: VersionName;
  readonly reason: ReasonCode;
};
type Deprecation = Plain<'deprecated'> & {
  readonly version: VersionName;
  readonly successor: VersionName | null;
  /** The last day, UTC. */
  readonly sunset: string;
};

/** Null for what product does not hear of. */
export function product(told: Told): Product | null {
  if (is(told, 'model.Promoted')) return promotion(told);
  if (is(told, 'model.RolledBack')) return rollback(told);
  if (is(told, 'model.Deprecated')) return deprecation(told);
  return null;
}

function promotion({ fact, version, previous, evaluations, approvals }: ToldOf<'model.Promoted'>): Promotion {
  const { data, meta } = fact;
  const live = nameOf(data, version);
  const before = data.previous ? nameOf(data.previous, previous) : null;
  const instead = before ? `, in place of ${sayVersion(before)}` : '';
  const change = version?.data.changelog ?? null;
  const breakGlass = breakGlassOf(fact);
  return {
    ...opening('promoted', fact),
    headline: `${sayModel(fact)}: ${sayVersion(live)} is live${instead}${sayBreakGlass(breakGlass)}.`,
    breakGlass,
    live,
    previous: before,
    change,
    approvedBy: approvals.map(({ meta: { actor, time }, data: { comment = null } }) => ({
      by: actor.id,
      at: time,
      comment,
    })),
    ...changesOf(data.evidence, evaluations),
    from: meta.time,
    customers: {
      tell: `Since ${meta.time} ${sayModel(fact)} answers with ${sayVersion(live)}.${change === null ? '' : ` What changed: ${change}`}`,
      by: day(meta.time),
    },
    note: data.note ?? null,
  };
}

function rollback({ fact, from, to }: ToldOf<'model.RolledBack'>): Rollback {
  const { data, meta } = fact;
  const left = nameOf(data.from, from);
  const live = data.to ? nameOf(data.to, to) : null;
  const now = live ? `${sayVersion(live)} is live again` : 'nothing is live any more';
  return {
    ...opening('rolled-back', fact),
    headline: `${sayModel(fact)}: ${now}; ${sayVersion(left)} was taken back because ${REASONS[data.reason]}.`,
    live,
    previous: left,
    reason: data.reason,
    change: to?.data.changelog ?? null,
    approvedBy: [],
    ...NO_CHANGES,
    from: meta.time,
    customers: {
      tell: live
        ? `Since ${meta.time} ${sayModel(fact)} answers as it did with ${sayVersion(live)}: what came with ${sayVersion(left)} is gone.`
        : `Since ${meta.time} ${sayModel(fact)} does not answer: ${sayVersion(left)} was taken back.`,
      by: day(meta.time),
    },
    note: data.note ?? null,
  };
}

function deprecation({ fact, version, successor }: ToldOf<'model.Deprecated'>): Deprecation {
  const { data, meta } = fact;
  const old = nameOf(data, version);
  const next = successor && nameOf(successor.data, successor);
  const move = next ? ` Move to ${sayVersion(next)} before.` : '';
  return {
    ...opening('deprecated', fact),
    headline: `${sayModel(fact)}: ${sayVersion(old)} ends on ${data.sunset}.`,
    version: old,
    successor: next,
    sunset: data.sunset,
    change: version?.data.changelog ?? null,
    approvedBy: [],
    ...NO_CHANGES,
    from: meta.time,
    customers: {
      tell: `${sayModel(fact)}, ${sayVersion(old)}, is there until ${data.sunset}.${move}`,
      by: data.sunset,
    },
    note: data.note ?? null,
  };
}

function sayModel({ meta }: Told['fact']): string {
  return meta.model ?? '';
}

function day(time: string): string {
  return time.slice(0, 10);
}
