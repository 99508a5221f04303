import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readSettings, SettingWrong, settingsTable, unknownSettings } from './settings';

const folder = mkdtempSync(join(tmpdir(), 'gatehouse-settings-'));
const data = join(folder, 'data');
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const read = (env: Record<string, string>) => readSettings({ GATEHOUSE_DATA: data, ...env });

describe('settings', () => {
  it('have the defaults of api.md', () => {
    expect(read({})).toMatchObject({
      http: { host: '127.0.0.1', port: 8080 },
      grpc: { host: '127.0.0.1', port: 9090 },
      data,
      eventStore: undefined,
      eventStorePrefix: 'gatehouse-',
      eventStoreTimeoutMs: 3_000,
      pointerDir: undefined,
      logLevel: 'info',
      requestTimeoutMs: 10_000,
      bodyLimitKib: 256,
    });
  });

  it.each([
    ['GATEHOUSE_HTTP', '0.0.0.0:8080', 'loopback'],
    ['GATEHOUSE_HTTP', '8080', 'host:port'],
    ['GATEHOUSE_HTTP', '127.0.0.1:99999', 'host:port'],
    ['GATEHOUSE_GRPC', '[::]:9090', 'loopback'],
    ['GATEHOUSE_GRPC', 'example.org:9090', 'loopback'],
    ['GATEHOUSE_GRPC', '127.evil.example:9090', 'loopback'],
    ['GATEHOUSE_DATA', ' ', 'empty'],
    ['GATEHOUSE_EVENT_STORE', 'http://127.0.0.1:2113', 'esdb'],
    ['GATEHOUSE_EVENT_STORE_PREFIX', '$ours-', 'letter'],
    ['GATEHOUSE_EVENT_STORE_PREFIX', 'ours', 'end with'],
    ['GATEHOUSE_EVENT_STORE_TIMEOUT_MS', '3 s', 'whole number'],
    ['GATEHOUSE_LOG_LEVEL', 'loud', 'info'],
    ['GATEHOUSE_REQUEST_TIMEOUT_MS', '10s', 'whole number'],
    ['GATEHOUSE_REQUEST_TIMEOUT_MS', '0', '100'],
    ['GATEHOUSE_BODY_LIMIT_KIB', '-1', 'whole number'],
    ['GATEHOUSE_PUBLIC_URL', 'gatehouse.example', 'http'],
    ['GATEHOUSE_PUBLIC_URL', 'https://user:word@gatehouse.example', 'http'],
    ['GATEHOUSE_KAFKA', 'kafka', 'host:port'],
    ['GATEHOUSE_KAFKA', 'kafka:9092,', 'host:port'],
    ['GATEHOUSE_KAFKA', 'kafka:99999', 'host:port'],
    ['GATEHOUSE_KAFKA_PREFIX', 'a topic', 'letters'],
    ['GATEHOUSE_KAFKA_CLIENT_ID', '', 'ASCII'],
    ['GATEHOUSE_KAFKA_TLS', 'yes', 'off, on'],
    ['GATEHOUSE_KAFKA_TLS', '/no/such/file.pem', 'can be read'],
    ['GATEHOUSE_KAFKA_SASL', 'gssapi:me', 'scram'],
    ['GATEHOUSE_KAFKA_SASL', 'plain:me', 'GATEHOUSE_KAFKA_PASSWORD'],
    ['GATEHOUSE_KAFKA_PASSWORD', 'word', 'GATEHOUSE_KAFKA_SASL'],
    ['GATEHOUSE_KAFKA_PARTITIONS', '0', 'whole number'],
    ['GATEHOUSE_KAFKA_REPLICATION', '11', 'whole number'],
    ['GATEHOUSE_KAFKA_MAX_BYTES', '1', 'whole number'],
  ])('%s=%s ends with a message that names it', (name, value, says) => {
    expect(() => read({ [name]: value })).toThrow(SettingWrong);
    expect(() => read({ [name]: value })).toThrow(new RegExp(`^${name} .*${says}`));
  });

  it.each(['127.0.0.1:0', '[::1]:8080', 'localhost:80', '127.1.2.3:1'])(
    '%s is a loopback address',
    (address) => {
      expect(read({ GATEHOUSE_HTTP: address }).http.port).toBeGreaterThanOrEqual(0);
    },
  );

  it('a secret is never in a message', () => {
    expect(() => read({ GATEHOUSE_CURSOR_SECRET: 'short-secret' })).toThrow(
      /^GATEHOUSE_CURSOR_SECRET must have/,
    );
    expect(() => read({ GATEHOUSE_CURSOR_SECRET: 'short-secret' })).not.toThrow(/short-secret/);
    expect(() => read({ GATEHOUSE_EVENT_STORE: 'esdb:/me:short-secret@host' })).toThrow(
      /^GATEHOUSE_EVENT_STORE must begin/,
    );
    expect(() => read({ GATEHOUSE_EVENT_STORE: 'esdb:/me:short-secret@host' })).not.toThrow(/short-secret/);
  });

  it('no brokers is no fan-out; with brokers the rest has defaults', () => {
    expect(read({}).kafka).toBeUndefined();
    expect(read({ GATEHOUSE_KAFKA: '127.0.0.1:9092, [::1]:9093' }).kafka).toEqual({
      connection: {
        brokers: ['127.0.0.1:9092', '[::1]:9093'],
        clientId: 'gatehouse',
        tls: false,
        sasl: undefined,
      },
      topics: { prefix: 'gatehouse', partitions: 6, replication: 1 },
      maxBatchBytes: 1_000_000,
    });
  });

  it('a plain password leaves this machine over TLS only, and is in no message', () => {
    const env = {
      GATEHOUSE_KAFKA: 'kafka.example:9092',
      GATEHOUSE_KAFKA_SASL: 'plain:relay',
      GATEHOUSE_KAFKA_PASSWORD: 'open-sesame',
    };
    expect(() => read(env)).toThrow(/^GATEHOUSE_KAFKA_SASL .*clear text/);
    expect(() => read(env)).not.toThrow(/open-sesame/);
    const sasl = { mechanism: 'plain', username: 'relay', password: 'open-sesame' };
    expect(read({ ...env, GATEHOUSE_KAFKA_TLS: 'on' }).kafka?.connection).toMatchObject({ tls: true, sasl });
    expect(read({ ...env, GATEHOUSE_KAFKA: 'localhost:9092' }).kafka?.connection).toMatchObject({ sasl });
  });

  it('a secret may come in a file', () => {
    const file = join(folder, 'secret');
    writeFileSync(file, 'a secret from a file\n');
    expect(read({ GATEHOUSE_CURSOR_SECRET_FILE: file }).cursorSecret).toBe('a secret from a file');
    expect(() => read({ GATEHOUSE_CURSOR_SECRET_FILE: join(folder, 'none') })).toThrow(
      /^GATEHOUSE_CURSOR_SECRET_FILE /,
    );
    const both = { GATEHOUSE_CURSOR_SECRET: 'a secret of its own', GATEHOUSE_CURSOR_SECRET_FILE: file };
    expect(() => read(both)).toThrow(/both set/);
  });

  it('the cursor secret is made once, for its owner alone, and kept', () => {
    const first = read({}).cursorSecret;
    expect(first.length).toBeGreaterThanOrEqual(32);
    expect(read({}).cursorSecret).toBe(first);
    expect(statSync(join(data, 'cursor.secret')).mode & 0o777).toBe(0o600);
  });

  it('a data folder that cannot be one is named', () => {
    const file = join(folder, 'a-file');
    writeFileSync(file, '');
    expect(() => read({ GATEHOUSE_DATA: file })).toThrow(/^GATEHOUSE_DATA /);
  });

  it('names that look like settings and are none are found', () => {
    const env = {
      GATEHOUSE_HTPP: '',
      GATEHOUSE_DATA: '',
      GATEHOUSE_CURSOR_SECRET_FILE: '',
      GATEHOUSE_HTTP_FILE: '',
      PATH: '',
    };
    expect(unknownSettings(env)).toEqual(['GATEHOUSE_HTPP', 'GATEHOUSE_HTTP_FILE']);
  });

  it('are all in docs/settings.md, as they are here', () => {
    // Prettier aligns tables; what they say is compared.
    const words = (text: string) => text.replace(/ +/g, ' ').replace(/-{3,}/g, '---');
    const page = readFileSync(join(__dirname, '../../../docs/settings.md'), 'utf8');
    expect(words(page)).toContain(words(settingsTable()));
  });
});
