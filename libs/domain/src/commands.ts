import type {
  Actor,
  BreakGlassReviewed,
  Decided,
  Deprecated,
  Evaluated,
  Manifest,
  PolicyRef,
  Promoted,
  ReasonCode,
  Registered,
} from './events';
import type { PolicyDocument } from './policy-document';

/** A version named by its number or by its digest. */
export type VersionRef = number | string;

export type Register = Omit<Registered, 'version' | 'rules' | 'policy'>;
export type Evaluate = Pick<Evaluated, 'version' | 'suite' | 'dataset' | 'metrics' | 'thresholds' | 'report'>;
/** `digest` and `evaluated`: what the reviewer looked at, if they say it. */
export type Approve = Pick<Decided, 'version' | 'comment'> & {
  readonly decision: 'approve' | 'reject';
  readonly digest?: string;
  readonly evaluated?: string;
};
/** `ifPointer`: the pointer revision that the client expects. */
export type Promote = Pick<Promoted, 'version' | 'note'> & {
  readonly breakGlass?: { readonly reason: string };
  readonly ifPointer?: number;
};
export type Review = Pick<BreakGlassReviewed, 'version' | 'verdict' | 'comment'>;
/** `to`: 0 is nothing live. */
export type RollBack = {
  readonly from: VersionRef;
  readonly to?: number;
  readonly reason?: ReasonCode;
  readonly note?: string;
  readonly ifPointer?: number;
};
export type Deprecate = Pick<Deprecated, 'version' | 'sunset' | 'successor' | 'note'>;

/** Everything that can be asked of a model. */
export type Command =
  | { readonly verb: 'register'; readonly data: Register }
  | { readonly verb: 'evaluate'; readonly data: Evaluate }
  | { readonly verb: 'approve'; readonly data: Approve }
  | { readonly verb: 'promote'; readonly data: Promote }
  | { readonly verb: 'rollBack'; readonly data: RollBack }
  | { readonly verb: 'deprecate'; readonly data: Deprecate }
  | { readonly verb: 'review'; readonly data: Review };

/** Plain data that an expression can name. */
export type Variables = { readonly [name: string]: unknown };

/** What an expression says; `because` where it says nothing. */
export type Opinion = { readonly holds: boolean } | { readonly because: string };

/** The rules in force: a document, and what it takes to read it, which is not the domain's. */
export type Policy = {
  readonly ref: PolicyRef;
  readonly document: PolicyDocument;
  /** What an expression of the document says of these variables. Never throws. */
  readonly evaluate: (expr: string, variables: Variables) => Opinion;
  /** Whether an instant lies in a weekly window, on the clocks of a zone. */
  readonly inWeek: (weekly: string, zone: string, instant: string) => boolean;
};

/** What a version was registered as: decisions that look at manifests are given it, the state holds none. */
export type Registration = {
  readonly manifest: Manifest;
  readonly changelog: string;
};

/** What a decision depends on besides the command and the state; nothing else reaches it. */
export type Context = {
  /** RFC 3339, UTC: the time that the event will carry. */
  readonly now: string;
  /** The id that the event will carry. */
  readonly eventId: string;
  readonly actor: Actor;
  /** Who made the key that the actor came with: what is decided with it counts as decided by them, too. */
  readonly makers?: readonly string[];
  /** Who made a key, whoever came with it; absent: nobody. */
  readonly makersOf?: (key: string) => readonly string[];
  /** The model's name, which expressions can look at. */
  readonly model: string;
  readonly policy: Policy;
  /** The capacities that the actor holds now. */
  readonly capacities: readonly string[];
  /** Of the actor's groups those that make them a reviewer of the model; absent: none. */
  readonly groups?: readonly string[];
  /** Whether somebody holds a capacity now, if they are still in the groups that made them a reviewer. */
  readonly holds: (actorId: string, capacity: string, groups?: readonly string[]) => boolean;
  /** Whether somebody may decide on this model's versions now; absent: whoever did may still. */
  readonly mayDecide?: (actorId: string, groups?: readonly string[]) => boolean;
  /** Of the version that a promotion is about; needed where `looksAtManifest`. */
  readonly registration?: Registration;
  /** `sha256:<hex>` of the canonical form (RFC 8785) of a JSON value. */
  readonly digest: (value: unknown) => string;
};
