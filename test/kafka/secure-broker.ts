import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { AclOperationTypes, AclPermissionTypes, AclResourceTypes, ResourcePatternTypes } from 'kafkajs';
import { kafkaClient } from '@gatehouse/messaging/kafka';
import { withAdmin } from '../../libs/messaging/src/kafka/topics';
import { type Broker, freePort, startBroker, STEADY } from './broker';

const run = promisify(execFile);
const PLAIN = 'org.apache.kafka.common.security.plain.PlainLoginModule';
const SCRAM = 'org.apache.kafka.common.security.scram.ScramLoginModule';

/** A broker that knows one user, who may do nothing until it is allowed. In clear text and without a name everything is. */
export type SecureBroker = {
  readonly user: string;
  readonly password: string;
  /** Everything is allowed there, in clear text. */
  readonly open: string;
  /** TLS, and no user. */
  readonly tls: string;
  /** TLS, and any of the three mechanisms. */
  readonly sasl: string;
  /** SCRAM in clear text. */
  readonly clear: string;
  /** Gives the user the rights that docs/channels.md asks for, or only some of them, on what begins with a prefix. */
  allow(prefix: string, on?: readonly Right[]): Promise<void>;
  /** A PEM file with the certificate of the broker, which it signed itself. */
  readonly caFile: string;
  stop(): Promise<void>;
};

type Right = 'topics' | 'groups';

export async function startSecureBroker(): Promise<SecureBroker> {
  const folder = await mkdtemp(join(tmpdir(), 'gatehouse-tls-'));
  const { store, caFile } = await certificate(folder);
  const [user, password] = ['gatehouse', 'pass-word-of-the-spec'];
  const ports = { tls: await freePort(), sasl: await freePort(), clear: await freePort() };
  const broker: Broker = await startBroker({
    listeners: {
      TLS: { port: ports.tls, protocol: 'SSL' },
      SASL: { port: ports.sasl, protocol: 'SASL_SSL' },
      CLEAR: { port: ports.clear, protocol: 'SASL_PLAINTEXT' },
    },
    users: { [user]: password },
    properties: { ...tlsOf(store), ...saslOf(user, password), ...RIGHTS, ...STEADY },
  });
  const at = (port: number) => `127.0.0.1:${port}`;
  return {
    ...{ user, password, caFile, open: broker.address },
    ...{ tls: at(ports.tls), sasl: at(ports.sasl), clear: at(ports.clear) },
    allow: (prefix, on = ['topics', 'groups']) => allow(broker.address, user, prefix, on),
    stop: async () => {
      await broker.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

const RIGHTS = {
  'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
  // Whoever comes without a name: the broker itself, the tests, and TLS alone.
  'super.users': 'User:ANONYMOUS',
};
const STORE_PASSWORD = 'changeit';

function tlsOf(store: string) {
  return {
    'ssl.keystore.location': store,
    'ssl.keystore.type': 'PKCS12',
    'ssl.keystore.password': STORE_PASSWORD,
  };
}

function saslOf(user: string, password: string) {
  const jaas: { [name: string]: string } = {};
  for (const listener of ['sasl', 'clear']) {
    const of = (mechanism: string) => `listener.name.${listener}.${mechanism}.sasl.jaas.config`;
    jaas[of('plain')] = `${PLAIN} required user_${user}="${password}";`;
    for (const scram of ['scram-sha-256', 'scram-sha-512']) jaas[of(scram)] = `${SCRAM} required;`;
  }
  return { 'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512', ...jaas };
}

/** By the tool that comes with Java, which the tests need anyway. */
async function certificate(folder: string): Promise<{ store: string; caFile: string }> {
  const [store, caFile] = [join(folder, 'broker.p12'), join(folder, 'ca.pem')];
  const kept = ['-alias', 'broker', '-keystore', store, '-storetype', 'PKCS12', '-storepass', STORE_PASSWORD];
  const made = ['-keyalg', 'EC', '-validity', '2', '-dname', 'CN=broker', '-ext', 'san=ip:127.0.0.1'];
  await run('keytool', ['-genkeypair', ...kept, ...made]);
  await run('keytool', ['-exportcert', '-rfc', ...kept, '-file', caFile]);
  return { store, caFile };
}

/** As docs/channels.md lists them. */
async function allow(address: string, user: string, prefix: string, on: readonly Right[]): Promise<void> {
  const { CREATE, DESCRIBE, DESCRIBE_CONFIGS, READ, WRITE } = AclOperationTypes;
  const { TOPIC, GROUP } = AclResourceTypes;
  const right = (resourceType: AclResourceTypes, resourceName: string) => (operation: AclOperationTypes) => ({
    ...{ resourceType, resourceName, operation, principal: `User:${user}`, host: '*' },
    resourcePatternType: ResourcePatternTypes.PREFIXED,
    permissionType: AclPermissionTypes.ALLOW,
  });
  const all = {
    topics: [CREATE, DESCRIBE, DESCRIBE_CONFIGS, READ, WRITE].map(right(TOPIC, prefix)),
    groups: [READ, DESCRIBE].map(right(GROUP, `${prefix}.relay`)),
  };
  const acl = on.flatMap((one) => all[one]);
  const kafka = kafkaClient({ brokers: [address], clientId: 'rights', tls: false }, { log: () => undefined });
  await withAdmin(kafka, (admin) => admin.createAcls({ acl }));
}
