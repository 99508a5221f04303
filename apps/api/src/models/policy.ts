import { digestOf } from '@gatehouse/canonical';
import type { Policy } from '@gatehouse/domain';

/** The policy that governs every model until tenants bring their own; its digest is in every event that it judged. */
const BUILT_IN_DOCUMENT = {
  policy: 'built-in',
  models: ['*'],
  staging: { evaluations: { min: 1, every: 'passed' } },
  production: { approvals: [{ count: 1 }] },
  deprecation: { notice: 'P30D' },
};

export const BUILT_IN_POLICY: Policy = {
  ref: { name: 'built-in', version: 1, digest: digestOf(BUILT_IN_DOCUMENT) },
  approvals: 1,
  noticeDays: 30,
};
