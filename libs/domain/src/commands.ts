import type {
  Actor,
  Decided,
  Deprecated,
  Evaluated,
  PolicyRef,
  Promoted,
  ReasonCode,
  Registered,
} from './events';

/** A version named by its number or by its digest. */
export type VersionRef = number | string;

export type Register = Omit<Registered, 'version'>;
export type Evaluate = Pick<Evaluated, 'version' | 'suite' | 'dataset' | 'metrics' | 'thresholds' | 'report'>;
/** `digest` and `evaluated`: what the reviewer looked at, if they say it. */
export type Approve = Pick<Decided, 'version' | 'comment'> & {
  readonly decision: 'approve' | 'reject';
  readonly digest?: string;
  readonly evaluated?: string;
};
/** `ifPointer`: the pointer revision that the client expects. */
export type Promote = Pick<Promoted, 'version' | 'note'> & { readonly ifPointer?: number };
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
  | { readonly verb: 'deprecate'; readonly data: Deprecate };

/** The rules in force, as data. */
export type Policy = {
  readonly ref: PolicyRef;
  /** Approvals that a promotion needs, by different reviewers. */
  readonly approvals: number;
  /** Days between a deprecation and its sunset, at least. */
  readonly noticeDays: number;
};

/** What a decision depends on besides the command and the state; nothing else reaches it. */
export type Context = {
  /** RFC 3339, UTC: the time that the event will carry. */
  readonly now: string;
  /** The id that the event will carry. */
  readonly eventId: string;
  readonly actor: Actor;
  readonly policy: Policy;
  /** `sha256:<hex>` of the canonical form (RFC 8785) of a JSON value. */
  readonly digest: (value: unknown) => string;
};
