import { seesNoLess, type OperationName } from '@gatehouse/domain';
import { ProviderUnreachable } from '@gatehouse/identity';
import { CallerGuard } from '@gatehouse/platform';
import { Injectable } from '@nestjs/common';
import { setTimeout as pause } from 'node:timers/promises';
import type { Exchange } from '../models/exchange';
import { Problem } from '../problem';

// What is known of a caller is read again when it is a second old, and seen at the look after that: within 3 s.
const LOOK_EVERY_MS = 1_000;

/** A stream goes on for hours: it ends when its reader would no longer be let in, or would be told less. */
@Injectable()
export class StillAdmitted {
  constructor(private readonly guard: CallerGuard) {}

  /**
   * Aborts `left` within 5 s of the credential being revoked, expired, suspended, without the role, or with fewer models
   * to see than at the start. The reason of the abort is what a new request would be answered.
   */
  watch(
    exchange: Exchange,
    operation: OperationName,
    model: string | undefined,
    left: AbortController,
  ): void {
    void this.keepLooking(exchange, operation, model, left);
  }

  private async keepLooking(
    exchange: Exchange,
    operation: OperationName,
    model: string | undefined,
    left: AbortController,
  ): Promise<void> {
    const { signal } = left;
    const over = () => undefined;
    for (;;) {
      await pause(LOOK_EVERY_MS, undefined, { signal, ref: false }).catch(over);
      if (signal.aborted) return;
      try {
        await this.look(exchange, operation, model);
      } catch (error) {
        // Whoever was known stays known while nobody can be asked; the token ends by itself.
        if (!(error instanceof ProviderUnreachable)) left.abort(error);
      }
    }
  }

  private async look({ caller, header }: Exchange, operation: OperationName, model?: string): Promise<void> {
    const { roles } = await this.guard.admit(operation, model, header('authorization'));
    if (seesNoLess(roles, caller.roles, operation)) return;
    throw new Problem(
      'role-missing',
      'You may see fewer models than when this began: ask again for the rest.',
    );
  }
}
