export { PolicyRefused, type PolicyError } from './refused';
export { POLICY_SCHEMA } from './check';
export { BUILT_IN_POLICY, draftOf, policyOf, readPolicy, type Draft } from './policy';
export { diff, type Change } from './diff';
export { checkCases, playCase, runCase, type Case, type CaseResult } from './cases';
export { parseYaml } from './yaml';
