/**
 * Why something failed, for `/readyz` and wherever else everybody may read it: no tenant, no model, no path. An error
 * says with `told` what may be told of it; of others the code, or no more than the name. The whole text is for the log.
 */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return UNSAID;
  const { told, code, cause, name } = error as Error & { told?: unknown; code?: unknown };
  if (typeof told === 'string') return told;
  // What the system or SQLite calls it: ENOSPC, SQLITE_FULL.
  if (typeof code === 'string') return code;
  return cause instanceof Error ? `${name}: ${reasonOf(cause)}` : `${name}: ${UNSAID}`;
}

const UNSAID = 'the log of this process says more';
