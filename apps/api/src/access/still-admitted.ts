import type { OperationName } from '@gatehouse/domain';
import { ProviderUnreachable } from '@gatehouse/identity';
import { CallerGuard } from '@gatehouse/platform';
import { Injectable } from '@nestjs/common';
import type { Exchange } from '../models/exchange';

const LOOK_EVERY_MS = 2_000;

/** A stream goes on for hours: it ends when its reader would no longer be let in. */
@Injectable()
export class StillAdmitted {
  constructor(private readonly guard: CallerGuard) {}

  /** Aborts `left` within seconds of the credential being revoked, expired, suspended, or without the role. */
  watch(
    exchange: Exchange,
    operation: OperationName,
    model: string | undefined,
    left: AbortController,
  ): void {
    const look = async () => {
      try {
        await this.guard.admit(operation, model, exchange.header('authorization'));
      } catch (error) {
        // Whoever was known stays known while nobody can be asked; the token ends by itself.
        if (!(error instanceof ProviderUnreachable)) left.abort();
      }
    };
    const timer = setInterval(() => void look(), LOOK_EVERY_MS).unref();
    left.signal.addEventListener('abort', () => clearInterval(timer), { once: true });
    if (left.signal.aborted) clearInterval(timer);
  }
}
