/** The stream of a model. Neither name may hold what would make two of these alike: a tenant has no dot. */
export function modelStream(tenant: string, model: string): string {
  return tenantPrefix(tenant) + model;
}

/** What the streams of a tenant's models, and no others, begin with. */
export function tenantPrefix(tenant: string): string {
  return `model-${tenant}.`;
}

/** The stream of a tenant's policies. */
export function policyStream(tenant: string): string {
  return `policy-${tenant}`;
}

/** Whether a stream is a model's: what follows models passes over the others. */
export function isModelStream(stream: string): boolean {
  return stream.startsWith('model-');
}
