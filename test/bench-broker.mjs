// `npm run bench:broker -- ARGUMENTS`: starts a Kafka broker as the tests do (KAFKA_BROKERS, Docker, or this machine's
// Java), and runs `tagstream bench ARGUMENTS` with it. The broker ends with it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { createViteServer } from 'vitest/node';

const root = fileURLToPath(new URL('..', import.meta.url));
const server = await createViteServer({
  root,
  configFile: false,
  server: { middlewareMode: true, watch: null },
});
const { startAnyBroker } = await server.ssrLoadModule('/test/support/kafka-broker.ts');
const { findJavaTools } = await server.ssrLoadModule('/test/support/kafka-tools.ts');
await server.close();

const broker = await startAnyBroker(await findJavaTools());
// A signal for both lets the broker end first otherwise.
process.on('SIGINT', () => undefined);
try {
  const command = ['dist/cli.js', 'bench', ...process.argv.slice(2), '--brokers', broker.brokers.join()];
  const [code] = await once(spawn(process.execPath, command, { cwd: root, stdio: 'inherit' }), 'exit');
  process.exitCode = code ?? 1;
} finally {
  await broker.stop();
}
