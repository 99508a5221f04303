import type { RoleGrant } from '@gatehouse/domain';
import type { Edge } from '../../testing/edge';

/** A call of one RPC, or of the route that stands for it: what is not in the path is in the body. */
export type Call = {
  readonly rpc: string;
  readonly route: string;
  readonly body?: object;
  /** What the path says. */
  readonly named?: object;
  /** Where the message is not what path and body say together. */
  readonly message?: object;
};

/** Makes calls over one of the doors; answers `ok` or the code of the problem. */
export type Caller = (call: Call, authorization: string) => Promise<string>;

export const overHttp =
  (edge: Edge): Caller =>
  async ({ route, body }, authorization) => {
    const [method, path] = route.split(' ') as [string, string];
    const json = method === 'POST' && { 'content-type': 'application/json' };
    const answer = await edge.http(path, {
      method,
      headers: { authorization, ...json },
      ...(json && { body: JSON.stringify(body ?? {}) }),
    });
    return answer.status < 300 ? 'ok' : (answer.body['code'] as string);
  };

export const overGrpc =
  (edge: Edge): Caller =>
  async ({ rpc, body, named, message = { ...named, ...body } }, authorization) => {
    const { code, details } = await edge.rpc(rpc, message, { authorization });
    return code === 0 ? 'ok' : details!.reason;
  };

export const issuing = (actor: string, roles: readonly RoleGrant[]): Call => ({
  rpc: 'IssueKey',
  route: 'POST /v1/access/keys',
  body: { actor, kind: 'user', roles },
});

export const revoking = (id: string): Call => ({
  rpc: 'RevokeKey',
  route: `DELETE /v1/access/keys/${id}`,
  named: { id },
});

export const granting = (to: object, role: RoleGrant): Call => ({
  rpc: 'GrantRole',
  route: 'POST /v1/access/grants',
  body: { to, ...role },
});

export const withdrawing = (id: string): Call => ({
  rpc: 'WithdrawGrant',
  route: `DELETE /v1/access/grants/${id}`,
  named: { id },
});

export const publishing = (document: object): Call => ({
  rpc: 'PublishPolicy',
  route: 'POST /v1/policies',
  body: document,
  message: { document: JSON.stringify(document) },
});

export const activating = (policy: string, version: number): Call => ({
  rpc: 'ActivatePolicy',
  route: `POST /v1/policies/${policy}/versions/${version}/activation`,
  named: { policy, version },
});

export const breakingGlass = (model: string): Call => ({
  rpc: 'Promote',
  route: `POST /v1/models/${model}/versions/1/promotion`,
  named: { model, version: 1 },
  body: { breakGlass: { reason: 'payments are down' } },
});

export const reviewing = (model: string): Call => ({
  rpc: 'ReviewBreakGlass',
  route: `POST /v1/models/${model}/versions/1/promotion/review`,
  named: { model, version: 1 },
  body: { verdict: 'justified' },
});
