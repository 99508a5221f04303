import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import {
  checkCases,
  draftOf,
  parseYaml,
  policyOf,
  readPolicy,
  runCase,
  type CaseResult,
} from '@gatehouse/policy';
import { runCommand, say } from './maintenance';

/** `npm run policy:test -- FILE`: runs the cases of a policy with the real rules. Exit code 1 when one is not as expected. */
runCommand(([file]) => {
  if (file === undefined) throw new Error('say which file: npm run policy:test -- FILE');
  const path = resolve(file);
  const { policy, cases } = checkCases(parseYaml(readFileSync(path, 'utf8')));
  if (policy === undefined)
    throw new Error(`${file} has no \`policy\`: the path of a policy, or its document`);
  const { document, digest } =
    typeof policy === 'string'
      ? readPolicy(readFileSync(resolve(dirname(path), policy), 'utf8'))
      : draftOf(policy);
  say(`${document.policy} ${digest}`);
  const results = cases.map((one) =>
    runCase(policyOf({ name: document.policy, version: 0, digest }, document), one),
  );
  for (const result of results) say(...told(result));
  const failed = results.filter(({ passed }) => !passed).length;
  say(`${results.length - failed} as expected, ${failed} not`);
  if (failed > 0) process.exitCode = 1;
});

function told({ name, passed, outcome, differences, rules }: CaseResult): string[] {
  if (passed) return [`  ok    ${name}: ${outcome}`];
  return [
    `  NOT   ${name}: ${outcome}`,
    ...differences.map(
      ({ what, expected, got }) =>
        `          ${what}: expected ${JSON.stringify(expected)}, is ${JSON.stringify(got)}`,
    ),
    ...rules
      .filter(({ verdict }) => verdict !== 'pass')
      .map(({ rule, verdict, because = '' }) => `          ${verdict}: ${rule} ${because && `(${because})`}`),
  ];
}
