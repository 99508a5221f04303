import { exportJWK, generateKeyPair } from 'jose';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Provider } from 'oidc-provider';
import type { Asked, Answered, Minted } from './provider';

// A real OpenID provider on loopback, in a process of its own: it is made of modules that jest cannot load. Its parent asks
// for tokens, which it signs as it does for a client that went the whole way.
const RESOURCE = 'urn:gatehouse:test';
const CLIENT = {
  client_id: 'console',
  client_secret: 'not-a-secret',
  grant_types: ['client_credentials'],
  response_types: [],
  redirect_uris: [],
};

let provider: Provider;
let keys = 0;
let fetches = 0;
const server = createServer((request, response) => {
  if (request.url?.endsWith('/jwks')) fetches++;
  provider.callback()(request, response);
});

async function renew(): Promise<void> {
  const { port } = server.address() as AddressInfo;
  const kid = `key-${++keys}`;
  const [ec, rsa] = await Promise.all(['ES256', 'RS256'].map((alg) => key(alg, `${kid}-${alg}`)));
  provider = new Provider(`http://127.0.0.1:${port}`, {
    clients: [CLIENT],
    jwks: { keys: [ec, rsa] },
    cookies: { keys: ['cookie'] },
    ttl: { AccessToken: 3_600 },
    features: { devInteractions: { enabled: false }, clientCredentials: { enabled: true } },
    extraTokenClaims: (_: unknown, { extra }: { extra?: object }) => extra,
  });
}

async function key(alg: string, kid: string): Promise<object> {
  const { privateKey } = await generateKeyPair(alg, { extractable: true });
  return { ...(await exportJWK(privateKey)), kid, use: 'sig', alg };
}

async function token({
  sub,
  claims = {},
  audience,
  alg = 'ES256',
  lifetime = 3_600,
}: Minted): Promise<string> {
  const client = await provider.Client.find(CLIENT.client_id);
  const of = {
    client,
    accountId: sub,
    grantId: 'grant',
    gty: 'authorization_code',
    scope: '',
    extra: claims,
  };
  const made = new provider.AccessToken({ ...of, expiresIn: lifetime });
  made.resourceServer = new provider.ResourceServer(RESOURCE, {
    audience,
    accessTokenFormat: 'jwt',
    jwt: { sign: { alg } },
  });
  return made.save();
}

async function answer({ id, ask }: Asked): Promise<Answered> {
  if (ask.what === 'token') return { id, value: await token(ask.token) };
  if (ask.what === 'rotate') return { id, value: await renew().then(() => '') };
  return { id, value: String(fetches) };
}

server.listen(0, '127.0.0.1', () => {
  void renew().then(() => {
    const { port } = server.address() as AddressInfo;
    process.send!({ id: 0, value: `http://127.0.0.1:${port}` } satisfies Answered);
  });
});
process.on('message', (asked: Asked) => {
  answer(asked).then(
    (answered) => process.send!(answered),
    (error: unknown) => process.send!({ id: asked.id, error: String(error) } satisfies Answered),
  );
});
process.on('disconnect', () => process.exit(0));
