import type { Artifact, Json, Manifest, ReasonCode } from '@gatehouse/domain';
import {
  breakGlassOf,
  deprecation,
  is,
  nameOf,
  opening,
  type BreakGlass,
  type Deprecation,
  type Opening,
  type RegisteredFact,
  type Told,
  type ToldOf,
  type VersionName,
} from './told';

/** What `engineering` carries: what to run from now on, and how to go back. */
export type Engineering = Promotion | Rollback | Deprecation;

/** A request of the API, complete but for the address and the sender's credentials. */
export type ReadyRequest = {
  readonly method: 'POST';
  readonly path: string;
  readonly headers: { readonly [name: string]: string };
  readonly body: { readonly [member: string]: unknown };
};
/** What a version is made of; all null and empty where nothing is live any more. */
type Made = {
  readonly artifacts: readonly Artifact[];
  readonly code: Manifest['code'] | null;
  readonly config: Json;
  readonly prompt: Json;
  readonly retrieval: Json;
};
type Moved = Made & {
  /** The digest to pin; null: nothing is live. */
  readonly pin: string | null;
  readonly live: VersionName | null;
  /** What was live before. */
  readonly previous: VersionName | null;
  /** The pointer's new revision. */
  readonly pointer: number;
  /** Leaves what is live now; null where there is nothing to leave. */
  readonly rollback: ReadyRequest | null;
  readonly note: string | null;
};
type Promotion = Opening<'promoted'> & Moved & { readonly breakGlass: BreakGlass | null };
type Rollback = Opening<'rolled-back'> & Moved & { readonly reason: ReasonCode };

/** Null for what engineering does not hear of. */
export function engineering(told: Told): Engineering | null {
  if (is(told, 'model.Promoted')) return promotion(told);
  if (is(told, 'model.RolledBack')) return rollback(told);
  if (is(told, 'model.Deprecated')) return deprecation(told);
  return null;
}

function promotion({ fact, version, previous }: ToldOf<'model.Promoted'>): Promotion {
  const { data } = fact;
  const live = nameOf(data, version);
  return {
    ...opening('promoted', fact),
    pin: data.digest,
    live,
    previous: data.previous ? nameOf(data.previous, previous) : null,
    pointer: data.pointer,
    ...madeOf(version),
    // What was live before is where a rollback goes; where nothing was, it goes to nothing.
    rollback: leaving(fact, live, data.pointer, data.previous ? {} : { to: 0 }),
    breakGlass: breakGlassOf(fact),
    note: data.note ?? null,
  };
}

function rollback({ fact, from, to, next }: ToldOf<'model.RolledBack'>): Rollback {
  const { data } = fact;
  const live = data.to ? nameOf(data.to, to) : null;
  return {
    ...opening('rolled-back', fact),
    pin: live?.digest ?? null,
    live,
    previous: nameOf(data.from, from),
    pointer: data.pointer,
    ...madeOf(to),
    rollback: live && leaving(fact, live, data.pointer, next === null ? { to: 0 } : {}),
    reason: data.reason,
    note: data.note ?? null,
  };
}

function madeOf(registered: RegisteredFact | null): Made {
  const {
    artifacts = [],
    code = null,
    config = null,
    prompt = null,
    retrieval = null,
  } = registered?.data.manifest ?? {};
  return { artifacts, code, config, prompt, retrieval };
}

/** `other` needs a note, so the request is accepted as it is until the pointer moves; who sends it may say more. */
function leaving(
  { meta }: Told['fact'],
  { version, digest }: VersionName,
  pointer: number,
  target: { readonly to?: 0 },
): ReadyRequest {
  return {
    method: 'POST',
    path: `/v1/models/${encodeURIComponent(meta.model ?? '')}/rollback`,
    headers: {
      'Content-Type': 'application/json',
      'If-Match': `"${pointer}"`,
    },
    body: { from: digest, reason: 'other', note: `Leaving version ${version}.`, ...target },
  };
}
