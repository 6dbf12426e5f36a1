import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createKafka, type KafkaClientOptions } from '../../src/kafka/client.js';
import { Secret } from '../../src/config/secret.js';
import { createLogger } from '../../src/telemetry/logger.js';
import { describeWithKafka } from '../support/kafka.js';
import { startJavaBroker, type JavaBroker } from '../support/kafka-broker.js';
import { findJavaTools } from '../support/kafka-tools.js';

const password = 'correct horse';
const passphrase = 'battery staple';

/** A self-signed certificate with its key, in `NAME.crt` and `NAME.key`. */
function certify(folder: string, name: string, keyOptions: readonly string[]): void {
  execFileSync(
    'openssl',
    [
      ...['req', '-x509', '-newkey', 'rsa:2048', '-days', '2', '-subj', `/CN=${name}`, ...keyOptions],
      ...['-addext', 'subjectAltName=IP:127.0.0.1'],
      ...['-keyout', join(folder, `${name}.key`), '-out', join(folder, `${name}.crt`)],
    ],
    { stdio: 'ignore' },
  );
}

const hasOpenssl = ((): boolean => {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();

describeWithKafka('A client of a broker that asks for TLS, a certificate and a password', () => {
  let folder: string;
  let broker: JavaBroker;
  const file = (name: string): string => join(folder, name);

  beforeAll(async () => {
    if (!hasOpenssl) return;
    folder = await mkdtemp(join(tmpdir(), 'tagstream-tls-'));
    certify(folder, 'broker', ['-noenc']);
    certify(folder, 'client', ['-passout', `pass:${passphrase}`]);
    const pem = await Promise.all(['broker.key', 'broker.crt'].map((name) => readFile(file(name), 'utf8')));
    await writeFile(file('broker.pem'), pem.join(''));
    const login = 'org.apache.kafka.common.security';
    broker = await startJavaBroker(await findJavaTools(), {
      settings: {
        'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256',
        'plain.sasl.jaas.config': `${login}.plain.PlainLoginModule required user_alice="${password}";`,
        'scram-sha-256.sasl.jaas.config': `${login}.scram.ScramLoginModule required;`,
        'ssl.keystore.type': 'PEM',
        'ssl.keystore.location': file('broker.pem'),
        'ssl.truststore.type': 'PEM',
        'ssl.truststore.location': file('client.crt'),
        'ssl.client.auth': 'required',
      },
      scramUser: `SCRAM-SHA-256=[name=alice,password=${password}]`,
    });
  });
  afterAll(async () => {
    if (!hasOpenssl) return;
    await broker.stop();
    await rm(folder, { recursive: true });
  });

  const options = (sasl: Partial<KafkaClientOptions['sasl']> = {}): KafkaClientOptions => ({
    brokers: broker.secureBrokers,
    clientId: 'test',
    tls: {
      enabled: true,
      ca: file('broker.crt'),
      cert: file('client.crt'),
      key: new Secret(file('client.key')),
      keyPassphrase: new Secret(passphrase),
    },
    sasl: { mechanism: 'plain', username: 'alice', password: new Secret(password), ...sasl },
  });

  async function clusterId(about: KafkaClientOptions): Promise<string> {
    const admin = createKafka(about, createLogger('silent')).admin({ retry: { retries: 0 } });
    try {
      await admin.connect();
      return (await admin.describeCluster()).clusterId;
    } finally {
      await admin.disconnect();
    }
  }

  test.skipIf(!hasOpenssl).each(['plain', 'scram-sha-256'] as const)(
    'is let in with %s, be the certificates paths or texts',
    async (mechanism) => {
      const paths = options({ mechanism });
      const key = new Secret(await readFile(file('client.key'), 'utf8'));
      const [ca, cert] = await Promise.all(
        ['broker.crt', 'client.crt'].map((name) => readFile(file(name), 'utf8')),
      );
      const texts = { ...paths, tls: { ...paths.tls, ca, cert, key } };

      expect(await clusterId(texts)).toBe(await clusterId(paths));
    },
  );

  test.skipIf(!hasOpenssl)('is kept out with a wrong password', async () => {
    await expect(clusterId(options({ password: new Secret('wrong') }))).rejects.toThrow(/[Aa]uthentication/);
  });

  test.skipIf(!hasOpenssl)('does not talk to a broker whose certificate it cannot trust', async () => {
    const { tls, ...rest } = options();

    await expect(clusterId({ ...rest, tls: { ...tls, ca: file('client.crt') } })).rejects.toThrow(
      /self-signed certificate/,
    );
  });
});

test('A certificate that cannot be read is named by its key', () => {
  const tls = { enabled: true, ca: '/no/such/ca.pem' };

  expect(() =>
    createKafka({ brokers: ['127.0.0.1:1'], clientId: 'test', tls }, createLogger('silent')),
  ).toThrow('kafka.tls.ca: is no PEM text, and as a path cannot be read (ENOENT)');
});
