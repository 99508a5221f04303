import { digestOf } from '@gatehouse/canonical';
import type { Policy, PolicyDocument, PolicyRef } from '@gatehouse/domain';
import BUILT_IN_DOCUMENT from './built-in.json';
import { compileExpression, type Compiled } from './cel';
import { checkPolicy } from './check';
import { inWeek } from './week';
import { PolicyRefused } from './refused';
import { parseYaml, YAML_LIMITS } from './yaml';

/** A policy that can be published, and what it is known by. */
export type Draft = { readonly document: PolicyDocument; readonly digest: string };

/** A policy from its YAML text. Throws `PolicyRefused`. JSON is YAML. */
export function readPolicy(text: string): Draft {
  return draftOf(parseYaml(text));
}

/** A policy from a JSON value. Throws `PolicyRefused`. */
export function draftOf(value: unknown): Draft {
  // Before anything looks at every part of it.
  if (Buffer.byteLength(JSON.stringify(value)) > YAML_LIMITS.bytes)
    throw new PolicyRefused([{ pointer: '', message: `is larger than ${YAML_LIMITS.bytes / 1024} KiB` }]);
  const document = checkPolicy(value);
  return { document, digest: digestOf(document) };
}

/**
 * A published document as decisions use it. Its expressions are read when they are first asked. One that cannot be read
 * any more says nothing, which denies.
 */
export function policyOf(ref: PolicyRef, document: PolicyDocument): Policy {
  const registering = new Set((document.register?.rules ?? []).map(({ expr }) => expr));
  const compiled = new Map<string, Compiled>();
  return {
    ref,
    document,
    inWeek,
    evaluate: (expr, variables) => {
      // The same words can stand in both places; what is asked at a promotion has more to look at.
      const place = registering.has(expr) && !('deltas' in variables) ? 'register' : 'production';
      const key = `${place} ${expr}`;
      const run = compiled.get(key) ?? runOf(compileExpression(place, expr));
      compiled.set(key, run);
      return run(variables);
    },
  };
}

function runOf(made: ReturnType<typeof compileExpression>): Compiled {
  return 'run' in made ? made.run : () => ({ because: made.refused });
}

/** The policy that governs what no other does. Its name, version and digest are in every event that it judged. */
export const BUILT_IN_POLICY: Policy = policyOf(
  { name: 'built-in', version: 1, digest: digestOf(BUILT_IN_DOCUMENT) },
  // JSON says `string` where the type says which one; the spec checks it against the schema.
  BUILT_IN_DOCUMENT as PolicyDocument,
);
