import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { KafkaRelayOptions, KafkaSettings } from '@gatehouse/messaging';
import { nonEmpty, setting, SettingWrong, whole, type Setting } from './setting';

/** All that is set about the fan-out. */
export type KafkaFanOut = {
  readonly connection: KafkaSettings;
  readonly topics: KafkaRelayOptions['topics'];
  readonly maxBatchBytes: number;
};

type SaslUser = {
  readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512';
  readonly username: string;
};

/** Every setting of the fan-out. */
export const KAFKA_SETTINGS = {
  kafka: setting({
    name: 'GATEHOUSE_KAFKA',
    default: undefined,
    meaning:
      'Fan out through these Kafka brokers: `host:port`, several with commas between; a host is a name or an IPv4 address. Not set: no fan-out.',
    parse: brokers,
  }),
  kafkaPrefix: setting({
    name: 'GATEHOUSE_KAFKA_PREFIX',
    default: 'gatehouse',
    meaning: 'What the names of topics and consumer groups begin with.',
    parse: topicPrefix,
  }),
  kafkaClientId: setting({
    name: 'GATEHOUSE_KAFKA_CLIENT_ID',
    default: 'gatehouse',
    meaning: 'What the brokers call this client in their logs and quotas.',
    parse: clientId,
  }),
  kafkaTls: setting({
    name: 'GATEHOUSE_KAFKA_TLS',
    default: 'off',
    meaning:
      '`off`; `on`: TLS, with the authorities that Node trusts; a path: TLS, with the authorities in that file, which are certificates in PEM.',
    parse: tls,
  }),
  kafkaSasl: setting({
    name: 'GATEHOUSE_KAFKA_SASL',
    default: undefined,
    meaning:
      '`mechanism:user`; the mechanism is `plain`, `scram-sha-256` or `scram-sha-512`. `plain` only over TLS or to this machine.',
    parse: sasl,
  }),
  kafkaPassword: setting({
    name: 'GATEHOUSE_KAFKA_PASSWORD',
    default: undefined,
    meaning: 'The password of the user in `GATEHOUSE_KAFKA_SASL`.',
    secret: true,
    parse: nonEmpty,
  }),
  kafkaPartitions: setting({
    name: 'GATEHOUSE_KAFKA_PARTITIONS',
    default: '6',
    meaning: 'Partitions of a channel that is made (1 to 1000). A topic that exists is never changed.',
    parse: whole(1, 1_000),
  }),
  kafkaReplication: setting({
    name: 'GATEHOUSE_KAFKA_REPLICATION',
    default: '1',
    meaning:
      'Replicas of a topic that is made (1 to 10): 3 on a cluster. A topic that exists is never changed.',
    parse: whole(1, 10),
  }),
  kafkaMaxBytes: setting({
    name: 'GATEHOUSE_KAFKA_MAX_BYTES',
    default: '1000000',
    meaning:
      'The largest record batch that the brokers take, in bytes (10000 to 100000000), at most their `message.max.bytes`. Four fifths are used; a larger message goes without its body and refers to the API.',
    parse: whole(10_000, 100_000_000),
  }),
};

/** All that is set about Kafka, even without brokers: a wrong setting is told before it is needed. */
export function fanOutOf(value: <T>(one: Setting<T>) => T | undefined): KafkaFanOut | undefined {
  const hosts = value(KAFKA_SETTINGS.kafka);
  const user = value(KAFKA_SETTINGS.kafkaSasl);
  const encrypted = value(KAFKA_SETTINGS.kafkaTls)!;
  const topics = {
    prefix: value(KAFKA_SETTINGS.kafkaPrefix)!,
    partitions: value(KAFKA_SETTINGS.kafkaPartitions)!,
    replication: value(KAFKA_SETTINGS.kafkaReplication)!,
  };
  const maxBatchBytes = value(KAFKA_SETTINGS.kafkaMaxBytes)!;
  const id = value(KAFKA_SETTINGS.kafkaClientId)!;
  const credentials = checkedSasl(user, value(KAFKA_SETTINGS.kafkaPassword), encrypted, hosts);
  if (hosts === undefined) return undefined;
  return {
    connection: { brokers: hosts, clientId: id, tls: encrypted, sasl: credentials },
    topics,
    maxBatchBytes,
  };
}

function checkedSasl(
  user: SaslUser | undefined,
  password: string | undefined,
  encrypted: KafkaSettings['tls'],
  hosts: readonly string[] = [],
): KafkaSettings['sasl'] {
  if (user === undefined && password !== undefined)
    throw new SettingWrong(
      'GATEHOUSE_KAFKA_PASSWORD is set and GATEHOUSE_KAFKA_SASL is not: set both or neither',
    );
  if (user === undefined) return undefined;
  if (password === undefined)
    throw new SettingWrong(
      'GATEHOUSE_KAFKA_SASL needs GATEHOUSE_KAFKA_PASSWORD (or _FILE): set both or neither',
    );
  if (user.mechanism === 'plain' && encrypted === false && !hosts.every(isLocal))
    throw new SettingWrong(
      'GATEHOUSE_KAFKA_SASL must not send a plain password in clear text: set GATEHOUSE_KAFKA_TLS, or take scram-sha-512',
    );
  return { ...user, password };
}

/** kafkajs takes what is before the first colon for the host: an IPv6 address would never be reached. */
const BROKER = /^[A-Za-z0-9.-]+:(\d{1,5})$/;

function brokers(text: string): string[] {
  const list = text.split(',').map((one) => one.trim());
  for (const one of list) {
    const port = Number(BROKER.exec(one)?.[1]);
    if (!(port >= 1 && port <= 65_535))
      throw new Error(
        'must be brokers as host:port with commas between, like 127.0.0.1:9092; a host is a name or an IPv4 address',
      );
  }
  return list;
}

/** Whether what is sent to a broker stays on this machine. */
function isLocal(broker: string): boolean {
  return /^(127\.\d+\.\d+\.\d+|localhost):\d+$/.test(broker);
}

function topicPrefix(text: string): string {
  if (!/^[A-Za-z0-9._-]{1,100}$/.test(text)) throw new Error('must be 1 to 100 letters, digits, ., _ or -');
  return text;
}

function clientId(text: string): string {
  if (!/^[\x21-\x7e]{1,100}$/.test(text)) throw new Error('must be 1 to 100 visible ASCII characters');
  return text;
}

function tls(text: string): KafkaSettings['tls'] {
  if (text === 'off') return false;
  if (text === 'on') return true;
  if (!text.includes('/')) throw new Error('must be off, on, or the path of a PEM file (with a / in it)');
  const caFile = resolve(text);
  if (!certificatesOf(caFile).every(isCertificate))
    throw new Error('must be off, on, or a file with certificates in PEM that are whole');
  return { caFile };
}

const CERTIFICATE = /-----BEGIN ((?:TRUSTED |X509 )?CERTIFICATE)-----[^-]+-----END \1-----/g;

function certificatesOf(file: string): string[] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    throw new Error('must be off, on, or a PEM file that can be read');
  }
  const found = text.match(CERTIFICATE);
  if (found === null) throw new Error('must be off, on, or a file with certificates in PEM');
  return found;
}

/** TLS reads no further than the first that is none, and says nothing. */
function isCertificate(pem: string): boolean {
  try {
    void new X509Certificate(pem);
    return true;
  } catch {
    return false;
  }
}

function sasl(text: string): SaslUser {
  const [, mechanism, username] = /^(plain|scram-sha-256|scram-sha-512):(.+)$/.exec(text) ?? [];
  if (mechanism === undefined || username === undefined)
    throw new Error('must be mechanism:user, with plain, scram-sha-256 or scram-sha-512 as the mechanism');
  // The pattern has no other.
  return { mechanism: mechanism as SaslUser['mechanism'], username };
}

export function publicUrl(text: string): string {
  const wrong = new Error('must be an http or https URL without query and fragment');
  if (!URL.canParse(text)) throw wrong;
  const url = new URL(text);
  if (!/^https?:$/.test(url.protocol) || url.search !== '' || url.hash !== '' || url.username !== '')
    throw wrong;
  return text.replace(/\/+$/, '');
}
