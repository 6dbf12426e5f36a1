import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { connect, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { KafkaContainer } from '@testcontainers/kafka';
import { getContainerRuntimeClient } from 'testcontainers';
import type { JavaTools } from './kafka-tools.js';

/** A broker and how to end it. */
export interface RunningBroker {
  readonly brokers: readonly string[];
  stop(): Promise<void>;
}

/** The first of: the brokers that `KAFKA_BROKERS` names, a container, a broker on the machine's own Java. */
export async function startAnyBroker(tools: JavaTools): Promise<RunningBroker> {
  const given = process.env['KAFKA_BROKERS'];
  if (given !== undefined && given !== '')
    return { brokers: given.split(','), stop: () => Promise.resolve() };
  return (await dockerAnswers()) ? startContainer() : startJavaBroker(tools);
}

async function dockerAnswers(): Promise<boolean> {
  return getContainerRuntimeClient().then(
    () => true,
    () => false,
  );
}

/** Not run where this was written: there was no Docker engine. */
async function startContainer(): Promise<RunningBroker> {
  const container = await new KafkaContainer('confluentinc/cp-kafka:8.1.0')
    .withKraft()
    .withEnvironment({ KAFKA_AUTO_CREATE_TOPICS_ENABLE: 'false' })
    .start();
  return {
    brokers: [`${container.getHost()}:${container.getMappedPort(9093)}`],
    stop: async () => {
      await container.stop();
    },
  };
}

/** A broker that this machine's own Java runs: one that a test can end the hard way. */
export interface JavaBroker extends RunningBroker {
  /** Ends it as a power cut would. */
  kill(): Promise<void>;
  /** Starts it again where it was, with what it had on disk. */
  start(): Promise<void>;
}

export async function startJavaBroker(tools: JavaTools): Promise<JavaBroker> {
  const folder = await mkdtemp(join(tmpdir(), 'tagstream-kafka-'));
  const [port, controllerPort] = await freePorts();
  const settings = join(folder, 'server.properties');
  await writeFile(settings, properties(join(folder, 'data'), port, controllerPort));
  const clusterId = randomBytes(16).toString('base64url');
  await tools.run('kafka.tools.StorageTool', ['format', '-t', clusterId, '-c', settings]);

  let kill = (): Promise<void> => Promise.resolve();
  const start = async (): Promise<void> => {
    const logFile = join(folder, 'broker.log');
    const log = await open(logFile, 'a');
    const command = ['java', '-Xmx512m', '-cp', tools.classPath, 'kafka.Kafka', settings];
    // The shell ends the broker when its stdin closes, be it because this process was killed.
    const child = spawn('sh', ['-c', '"$@" & cat > /dev/null; kill -9 $!', 'sh', ...command], {
      stdio: ['pipe', log.fd, log.fd],
      cwd: folder,
    });
    const exited = once(child, 'exit');
    kill = async () => {
      child.stdin?.end();
      await exited;
      await log.close();
    };
    await untilOpen(port, 60_000).catch(async (error: unknown) => {
      throw new Error(`Kafka did not start: ${(await readFile(logFile, 'utf8')).slice(-2_000)}`, {
        cause: error,
      });
    });
  };
  const stop = async (): Promise<void> => {
    await kill();
    await rm(folder, { recursive: true, force: true });
  };

  await start().catch(async (error: unknown) => {
    await stop();
    throw error;
  });
  return { brokers: [`127.0.0.1:${port}`], stop, kill: () => kill(), start };
}

/** One node that is broker and controller, with one partition for each of its own topics so that it starts quickly. */
const properties = (data: string, port: number, controllerPort: number): string =>
  `process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:${controllerPort}
listeners=PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}
advertised.listeners=PLAINTEXT://127.0.0.1:${port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
log.dirs=${data}
auto.create.topics.enable=false
group.initial.rebalance.delay.ms=0
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
`;

/** Both are held until both are known, so that they differ. */
async function freePorts(): Promise<[number, number]> {
  const servers = [createServer(), createServer()] as const;
  for (const server of servers) await once(server.listen(0, '127.0.0.1'), 'listening');
  const ports = servers.map((server) => (server.address() as AddressInfo).port) as [number, number];
  for (const server of servers) await once(server.close(), 'close');
  return ports;
}

async function untilOpen(port: number, withinMs: number): Promise<void> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    const socket = connect(port, '127.0.0.1');
    try {
      await once(socket, 'connect');
      return;
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await sleep(100);
    } finally {
      socket.destroy();
    }
  }
}
