import type { Actor, PolicyCommand, PolicyDocument } from '@gatehouse/domain';
import type { PublicEvent } from '@gatehouse/projections';
import { Command } from '@nestjs/cqrs';
import type { Origin } from '../models/on-model';

/** A version of a policy, as it is told. */
export type PolicyResource = {
  readonly policy: string;
  readonly version: number;
  readonly digest: string;
  /** Whether it is in force. */
  readonly active: boolean;
  readonly models: readonly string[];
  readonly publishedAt: string | null;
  readonly publishedBy: Actor | null;
  /** When it last came into force, and who saw to it. */
  readonly activatedAt: string | null;
  readonly activatedBy: Actor | null;
  readonly document: PolicyDocument;
};

/** What every write on policies answers. */
export type PolicyAnswer = {
  readonly changed: boolean;
  readonly position: string;
  readonly policy: PolicyResource;
  readonly event: PublicEvent | null;
};

/** A command on the policies of the caller's tenant, from either door. */
export class OnPolicies extends Command<{ readonly answer: PolicyAnswer; readonly replayed: boolean }> {
  constructor(
    readonly command: PolicyCommand,
    readonly origin: Origin,
  ) {
    super();
  }
}
