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

/** A second listener of a broker, with TLS and SASL. */
export interface SecureListener {
  /** Settings of the listener, without their prefix. */
  readonly settings: Readonly<Record<string, string>>;
  /** A user whom SCRAM knows, as `StorageTool format --add-scram` takes it. */
  readonly scramUser: string;
}

/** A broker that this machine's own Java runs: one that a test can end the hard way. */
export interface JavaBroker extends RunningBroker {
  /** Where the secure listener is; nothing is there unless one was asked for. */
  readonly secureBrokers: readonly string[];
  /** Ends it with kill -9; what it has written is on the disk or in the page cache, and stays. */
  kill(): Promise<void>;
  /** Starts it again where it was, with what it had on disk. */
  start(): Promise<void>;
  /** Stops its process in the middle of whatever it does, until it is thawed. */
  freeze(): Promise<void>;
  thaw(): Promise<void>;
}

export async function startJavaBroker(tools: JavaTools, secure?: SecureListener): Promise<JavaBroker> {
  const [broker] = await startJavaCluster(tools, 1, secure);
  return broker!;
}

/** Brokers that know each other; their ids count from 1. Topics of their own have a copy on each. */
export async function startJavaCluster(
  tools: JavaTools,
  size: number,
  secure?: SecureListener,
): Promise<readonly JavaBroker[]> {
  const ports = await freePorts(size);
  const clusterId = randomBytes(16).toString('base64url');
  return Promise.all(ports.map((_, index) => startNode(tools, { clusterId, ports, index, secure })));
}

/** A broker among others. */
interface Node {
  readonly clusterId: string;
  /** Of all brokers. */
  readonly ports: readonly Ports[];
  /** Which of them this one is. */
  readonly index: number;
  readonly secure: SecureListener | undefined;
}

async function startNode(tools: JavaTools, node: Node): Promise<JavaBroker> {
  const { clusterId, secure } = node;
  const ports = node.ports[node.index]!;
  const folder = await mkdtemp(join(tmpdir(), 'tagstream-kafka-'));
  const settings = join(folder, 'server.properties');
  await writeFile(settings, properties(join(folder, 'data'), node));
  const scram = secure === undefined ? [] : ['--add-scram', secure.scramUser];
  await tools.run('kafka.tools.StorageTool', ['format', '-t', clusterId, '-c', settings, ...scram]);

  let kill = (): Promise<void> => Promise.resolve();
  const start = async (): Promise<void> => {
    const logFile = join(folder, 'broker.log');
    const log = await open(logFile, 'a');
    const command = ['java', '-Xmx512m', '-cp', tools.classPath, 'kafka.Kafka', settings];
    // The shell ends the broker when its stdin closes, be it because this process was killed.
    const child = spawn('sh', ['-c', '"$@" & echo $! > pid; cat > /dev/null; kill -9 $!', 'sh', ...command], {
      stdio: ['pipe', log.fd, log.fd],
      cwd: folder,
    });
    const exited = once(child, 'exit');
    kill = async () => {
      child.stdin?.end();
      await exited;
      await log.close();
    };
    await untilOpen(ports.plain, 60_000).catch(async (error: unknown) => {
      throw new Error(`Kafka did not start: ${(await readFile(logFile, 'utf8')).slice(-2_000)}`, {
        cause: error,
      });
    });
  };
  const signal = async (name: NodeJS.Signals): Promise<void> => {
    process.kill(Number(await readFile(join(folder, 'pid'), 'utf8')), name);
  };
  const stop = async (): Promise<void> => {
    await kill();
    await rm(folder, { recursive: true, force: true });
  };

  await start().catch(async (error: unknown) => {
    await stop();
    throw error;
  });
  return {
    brokers: [`127.0.0.1:${ports.plain}`],
    secureBrokers: [`127.0.0.1:${ports.secure}`],
    stop,
    kill: () => kill(),
    start,
    freeze: () => signal('SIGSTOP'),
    thaw: () => signal('SIGCONT'),
  };
}

interface Ports {
  readonly plain: number;
  readonly controller: number;
  readonly secure: number;
}

/** A node that is broker and controller, with one partition for each of Kafka's own topics so that it starts quickly. */
function properties(data: string, { ports: all, index, secure }: Node): string {
  const ports = all[index]!;
  const copies = String(all.length);
  const enoughCopies = String(Math.ceil((all.length + 1) / 2));
  const own = `PLAIN://127.0.0.1:${ports.plain}`;
  const outer = secure === undefined ? own : `${own},SECURE://127.0.0.1:${ports.secure}`;
  const settings = {
    'process.roles': 'broker,controller',
    'node.id': String(index + 1),
    'controller.quorum.voters': all
      .map(({ controller }, other) => `${other + 1}@127.0.0.1:${controller}`)
      .join(),
    listeners: `${outer},CONTROLLER://127.0.0.1:${ports.controller}`,
    'advertised.listeners': outer,
    'listener.security.protocol.map': 'PLAIN:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURE:SASL_SSL',
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'PLAIN',
    'log.dirs': data,
    'auto.create.topics.enable': 'false',
    'group.initial.rebalance.delay.ms': '0',
    'offsets.topic.num.partitions': '1',
    'offsets.topic.replication.factor': copies,
    'default.replication.factor': copies,
    'min.insync.replicas': enoughCopies,
    'transaction.state.log.num.partitions': '1',
    'transaction.state.log.replication.factor': copies,
    'transaction.state.log.min.isr': enoughCopies,
    ...Object.fromEntries(
      Object.entries(secure?.settings ?? {}).map(([name, value]) => [`listener.name.secure.${name}`, value]),
    ),
  };
  return Object.entries(settings)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');
}

/** All are held until all are known, so that they differ. */
async function freePorts(brokers: number): Promise<readonly Ports[]> {
  const servers = Array.from({ length: 3 * brokers }, () => createServer());
  for (const server of servers) await once(server.listen(0, '127.0.0.1'), 'listening');
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  for (const server of servers) await once(server.close(), 'close');
  return Array.from({ length: brokers }, (_, broker) => {
    const [plain = 0, controller = 0, secure = 0] = ports.slice(3 * broker);
    return { plain, controller, secure };
  });
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
