/** What our tests use of `oidc-provider`, which brings no types. */
declare module 'oidc-provider' {
  import type { IncomingMessage, ServerResponse } from 'node:http';

  type Token = { resourceServer: unknown; save(): Promise<string> };
  export class Provider {
    constructor(issuer: string, configuration: object);
    readonly Client: { find(id: string): Promise<object> };
    readonly AccessToken: new (of: object) => Token;
    readonly ResourceServer: new (id: string, of: object) => object;
    callback(): (request: IncomingMessage, response: ServerResponse) => void;
  }
}
