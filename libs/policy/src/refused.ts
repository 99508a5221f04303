/** Something in a policy that is wrong; `pointer` is a JSON pointer into the document, '' the whole. */
export type PolicyError = { readonly pointer: string; readonly message: string };

/** A policy that is not taken, with what is wrong with it. */
export class PolicyRefused extends Error {
  override readonly name = 'PolicyRefused';
  constructor(readonly errors: readonly PolicyError[]) {
    super(errors.map(({ pointer, message }) => `${pointer || 'the policy'}: ${message}`).join('; '));
  }
}

/** One more step on a JSON pointer. */
export function at(pointer: string, step: string | number): string {
  return `${pointer}/${String(step).replaceAll('~', '~0').replaceAll('/', '~1')}`;
}
