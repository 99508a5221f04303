import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
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
    ['GATEHOUSE_KAFKA', '[::1]:9092', 'a name or an IPv4 address'],
    ['GATEHOUSE_KAFKA', 'kafka:9092,[2001:db8::1]:9092', 'a name or an IPv4 address'],
    ['GATEHOUSE_KAFKA', '::1:9092', 'a name or an IPv4 address'],
    ['GATEHOUSE_KAFKA_PREFIX', 'a topic', 'letters'],
    ['GATEHOUSE_KAFKA_CLIENT_ID', '', 'ASCII'],
    ['GATEHOUSE_KAFKA_TLS', 'yes', 'off, on'],
    ['GATEHOUSE_KAFKA_TLS', '/no/such/file.pem', 'can be read'],
    ['GATEHOUSE_KAFKA_TLS', '/', 'can be read'],
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

  describe('of what protects the doors', () => {
    const [cert, key] = [join(folder, 'tls.crt'), join(folder, 'tls.key')];
    beforeAll(() => [cert, key].forEach((file) => writeFileSync(file, 'read later')));
    const everywhere = { GATEHOUSE_HTTP: '0.0.0.0:0', GATEHOUSE_GRPC: '[::]:0' };

    it('let the doors be reached from elsewhere with TLS, or where plain text is allowed by name', () => {
      const tls = { GATEHOUSE_TLS_CERT: cert, GATEHOUSE_TLS_KEY: key };
      expect(read({ ...everywhere, ...tls })).toMatchObject({
        http: { host: '0.0.0.0' },
        tls: { cert, key },
      });
      expect(read({ ...everywhere, GATEHOUSE_PLAINTEXT: 'allow' })).toMatchObject({ grpc: { host: '::' } });
      for (const PLAINTEXT of ['loopback', 'yes', 'true', 'ALLOW', ''])
        expect(() => read({ ...everywhere, GATEHOUSE_PLAINTEXT: PLAINTEXT })).toThrow(/^GATEHOUSE_/);
    });

    it('come in pairs, and name files that can be read', () => {
      expect(() => read({ GATEHOUSE_TLS_CERT: cert })).toThrow(/^GATEHOUSE_TLS_KEY must be set/);
      expect(() => read({ GATEHOUSE_TLS_KEY: key })).toThrow(/^GATEHOUSE_TLS_CERT must be set/);
      expect(() => read({ GATEHOUSE_TLS_CERT: join(folder, 'none'), GATEHOUSE_TLS_KEY: key })).toThrow(
        /^GATEHOUSE_TLS_CERT must be a file/,
      );
    });
  });

  describe('of who issues tokens', () => {
    const provider = { GATEHOUSE_OIDC_ISSUER: 'https://id.example', GATEHOUSE_OIDC_AUDIENCE: 'gatehouse' };

    it('have the claims that most providers use', () => {
      expect(read({}).oidc).toBeUndefined();
      expect(read(provider).oidc).toEqual({
        issuer: 'https://id.example',
        audience: 'gatehouse',
        claims: { actor: 'sub', tenant: 'tenant', groups: 'groups' },
        tenant: undefined,
      });
    });

    it('need an audience, or tokens made for others would be taken', () => {
      const { GATEHOUSE_OIDC_ISSUER, GATEHOUSE_OIDC_AUDIENCE } = provider;
      expect(() => read({ GATEHOUSE_OIDC_ISSUER })).toThrow(/^GATEHOUSE_OIDC_AUDIENCE must be set/);
      expect(() => read({ GATEHOUSE_OIDC_AUDIENCE })).toThrow(/^GATEHOUSE_OIDC_ISSUER must be set/);
    });

    it.each([
      'http://id.example',
      'http://127.0.0.1.evil.example',
      'https://user:pass@id.example',
      'https://id.example/?a=b',
      'https://id.example/#f',
      'file:///etc/passwd',
      'id.example',
    ])('%s is no issuer', (issuer) => {
      expect(() => read({ ...provider, GATEHOUSE_OIDC_ISSUER: issuer })).toThrow(
        /^GATEHOUSE_OIDC_ISSUER must be an https/,
      );
    });

    it.each(['http://127.0.0.1:9000', 'http://[::1]:9000/realm', 'https://id.example/realms/acme/'])(
      '%s is an issuer',
      (issuer) => {
        expect(read({ ...provider, GATEHOUSE_OIDC_ISSUER: issuer }).oidc).toMatchObject({ issuer });
      },
    );
  });

  it('of limits: 0 is none', () => {
    expect(read({}).limits).toEqual({
      perSecond: { credential: 10_000, tenant: 20_000 },
      quota: { models: 100_000, versions: 1_000_000, bytes: 10_240 * 1_048_576 },
    });
    const none = { GATEHOUSE_LIMIT_KEY_RPS: '0', GATEHOUSE_LIMIT_MIB: '0', GATEHOUSE_LIMIT_MODELS: '7' };
    expect(read(none).limits).toMatchObject({
      perSecond: { credential: Infinity },
      quota: { bytes: Infinity, models: 7 },
    });
  });

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
    expect(read({ GATEHOUSE_KAFKA: '127.0.0.1:9092, kafka-2.example:9093' }).kafka).toEqual({
      connection: {
        brokers: ['127.0.0.1:9092', 'kafka-2.example:9093'],
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

  it('the authorities of the brokers are certificates in PEM, and what else is in the file is in no message', () => {
    const file = join(folder, 'ca.pem');
    const read = (text: string) => {
      writeFileSync(file, text);
      return readSettings({ GATEHOUSE_DATA: data, GATEHOUSE_KAFKA: 'kafka:9093', GATEHOUSE_KAFKA_TLS: file });
    };
    const [one, two] = rootCertificates as [string, string];
    for (const text of [one, `# two of them\n${one}\n${two}\n`])
      expect(read(text).kafka?.connection.tls).toEqual({ caFile: file });
    const base64 = one.replace(/-----.*-----/g, '');
    const damaged = one.replace(base64, base64.slice(0, 101));
    const privateKey = `-----BEGIN PRIVATE KEY-----${base64}-----END PRIVATE KEY-----`;
    for (const text of ['', base64, damaged, `${one}\n${damaged}`, privateKey]) {
      expect(() => read(text)).toThrow(SettingWrong);
      expect(() => read(text)).toThrow(/^GATEHOUSE_KAFKA_TLS must be .*certificates in PEM/);
      expect(() => read(text)).not.toThrow(base64.slice(1, 20));
    }
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
