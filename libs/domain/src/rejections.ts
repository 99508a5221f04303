import type { Rule } from './events';

/** Why a command was refused. Public and permanent; every door maps each code to a status of its own. */
export type RejectionCode =
  | 'model-unknown'
  | 'version-unknown'
  | 'digest-differs'
  | 'label-taken'
  | 'changelog-missing'
  | 'gate-not-met'
  | 'not-in-staging'
  | 'own-approval'
  | 'role-missing'
  | 'not-approved'
  | 'approval-void'
  | 'never-live'
  | 'is-live'
  | 'is-rollback-target'
  | 'is-deprecated'
  | 'no-rollback-target'
  | 'reason-missing'
  | 'notice-too-short'
  | 'pointer-moved'
  | 'idempotency-key-reused'
  | 'too-many'
  | 'policy-unknown'
  | 'policy-tie'
  | 'no-break-glass'
  | 'own-grant'
  | 'last-admin'
  | 'key-unknown'
  | 'grant-unknown'
  | 'tenant-unknown'
  | 'expires-too-soon';

/** What an approval still needs before a promotion; `by` names a reviewer whose rejection stands. */
export type MissingApproval = {
  readonly needed: string;
  readonly by?: string;
  /** How many, and of which capacity, if the policy names one. */
  readonly count?: number;
  readonly capacity?: string;
};

/** What a refusal tells besides its code. */
export type RejectionFacts = {
  /** `gate-not-met`: every rule with required, observed and verdict. */
  readonly gate?: readonly Rule[];
  /** `not-approved`, `approval-void`: what is missing. */
  readonly missing?: readonly MissingApproval[];
  /** `policy-tie`: the policies that would govern the same model, and a name that both match. */
  readonly tie?: {
    readonly policies: readonly string[];
    readonly patterns: readonly string[];
    readonly model: string;
  };
  /** `too-many`: the field that is. */
  readonly errors?: readonly { readonly pointer: string; readonly message: string }[];
  /** `notice-too-short`: the earliest day that would do (YYYY-MM-DD). */
  readonly earliest?: string;
};

/** The decider refused a command. Nothing was recorded. `message` says what to do next. */
export class Rejected extends Error {
  override readonly name = 'Rejected';
  constructor(
    readonly code: RejectionCode,
    message: string,
    readonly facts: RejectionFacts = {},
  ) {
    super(message);
  }
}

/** There is no room for one more. `pointer`: which field of the command asks for it. */
export function tooMany(pointer: string, message: string): Rejected {
  return new Rejected('too-many', `Send fewer: ${message}.`, { errors: [{ pointer, message }] });
}
