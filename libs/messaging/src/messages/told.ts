import type { Actor, Fact, ModelEvent } from '@gatehouse/domain';

type Of<Type extends Fact['type']> = Fact<Extract<ModelEvent, { readonly type: Type }>>;
export type RegisteredFact = Of<'model.Registered'>;
export type EvaluatedFact = Of<'model.Evaluated'>;
export type ApprovedFact = Of<'model.Approved'>;
export type PromotedFact = Of<'model.Promoted'>;

/** An event that channels tell, with what it only points at. What the stream does not have is null. */
export type Told =
  | {
      readonly fact: PromotedFact;
      readonly version: RegisteredFact | null;
      readonly previous: RegisteredFact | null;
      readonly evaluations: readonly EvaluatedFact[];
      readonly approvals: readonly ApprovedFact[];
    }
  | {
      readonly fact: Of<'model.RolledBack'>;
      readonly from: RegisteredFact | null;
      readonly to: RegisteredFact | null;
      /** Where a rollback that names no target goes from here; null: nowhere. */
      readonly next: number | null;
    }
  | {
      readonly fact: Of<'model.Deprecated'>;
      readonly version: RegisteredFact | null;
      readonly successor: RegisteredFact | null;
    }
  | { readonly fact: EvaluatedFact; readonly version: RegisteredFact | null };

export type ToldOf<Type extends Fact['type']> = Extract<Told, { readonly fact: { readonly type: Type } }>;

/** A union is not narrowed by a member of a member. */
export function is<Type extends Told['fact']['type']>(told: Told, type: Type): told is ToldOf<Type> {
  return told.fact.type === type;
}

/** How a message names a version. */
export type VersionName = {
  readonly version: number;
  readonly digest: string;
  readonly label: string | null;
};

export function nameOf(
  ref: { readonly version: number; readonly digest: string },
  registered: RegisteredFact | null,
): VersionName {
  return { version: ref.version, digest: ref.digest, label: registered?.data.label ?? null };
}

/** How a message says that a promotion did not wait for approvals, soak and freeze. */
export type BreakGlass = {
  readonly reason: string;
  /** What the promoter had to hold for it. */
  readonly capacity: string | null;
  /** Until when a second person should have looked at it. */
  readonly reviewBy: string | null;
};

/** Null for a promotion that went the usual way. */
export function breakGlassOf({ data }: PromotedFact): BreakGlass | null {
  if (!data.breakGlass) return null;
  const { reason, capacity = null, reviewBy = null } = data.breakGlass;
  return { reason, capacity, reviewBy };
}

/** What every message of a channel begins with. */
export type Opening<Event extends string> = {
  readonly event: Event;
  readonly tenant: string;
  readonly model: string | null;
  readonly at: string;
  readonly by: Actor;
};

export function opening<Event extends string>(event: Event, { meta }: Fact): Opening<Event> {
  return { event, tenant: meta.tenant, model: meta.model ?? null, at: meta.time, by: meta.actor };
}

/** What a deprecation is to all but customers. */
export type Deprecation = Opening<'deprecated'> & {
  readonly version: VersionName;
  readonly sunset: string;
  readonly successor: VersionName | null;
  readonly note: string | null;
};

export function deprecation({ fact, version, successor }: ToldOf<'model.Deprecated'>): Deprecation {
  return {
    ...opening('deprecated', fact),
    version: nameOf(fact.data, version),
    sunset: fact.data.sunset,
    successor: successor && nameOf(successor.data, successor),
    note: fact.data.note ?? null,
  };
}
