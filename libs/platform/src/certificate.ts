import { createHash, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setInterval } from 'node:timers/promises';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import type { Logger } from 'pino';
import type { TlsFiles } from './door-settings';
import { SettingWrong } from './setting';

/** What a door needs to speak TLS: 1.2 or later. */
export type TlsContext = SecureContextOptions & { readonly cert: Buffer; readonly key: Buffer };

const LOOK_EVERY_MS = 2_000;

/** Reads certificate and key. Throws `SettingWrong` when they are none, or do not belong together. */
export function readCertificate(files: TlsFiles): TlsContext {
  try {
    const context = {
      cert: readFileSync(files.cert),
      key: readFileSync(files.key),
      minVersion: 'TLSv1.2',
    } as const;
    // Finds out whether the two fit.
    createSecureContext(context);
    return context;
  } catch (error) {
    throw new SettingWrong(
      `GATEHOUSE_TLS_CERT and GATEHOUSE_TLS_KEY cannot be used: ${(error as Error).message}`,
    );
  }
}

type Following = {
  readonly signal: AbortSignal;
  readonly log: Logger;
  readonly everyMs?: number;
  readonly use: (context: TlsContext) => void;
};

/**
 * Looks every two seconds whether the files have changed, however they are replaced, and hands over what they hold now; until
 * aborted. Never rejects: while the files cannot be used (one is new, the other not yet) the doors keep what they have.
 */
export async function followCertificate(files: TlsFiles, following: Following): Promise<void> {
  const { signal, log, use, everyMs = LOOK_EVERY_MS } = following;
  let last = outcomeOf(files);
  if (last.context !== undefined) use(last.context);
  try {
    for await (const _ of setInterval(everyMs, undefined, { signal, ref: false })) {
      const now = outcomeOf(files);
      if (now.mark === last.mark) continue;
      last = now;
      if (now.context === undefined)
        log.warn({ reason: now.mark }, 'the new certificate cannot be used, the old one stays');
      else {
        use(now.context);
        log.info({ validTo: validTo(now.context) }, 'the certificate was replaced');
      }
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/** Until when a certificate is valid, as it says. */
export function validTo({ cert }: TlsContext): string {
  return new X509Certificate(cert).validTo;
}

/** `mark` tells outcomes apart: what the files hold, or why they cannot be used. */
function outcomeOf(files: TlsFiles): { mark: string; context?: TlsContext } {
  try {
    const context = readCertificate(files);
    return { mark: createHash('sha256').update(context.cert).update(context.key).digest('hex'), context };
  } catch (error) {
    return { mark: (error as Error).message };
  }
}
