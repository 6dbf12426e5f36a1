import { setTimeout as sleep } from 'node:timers/promises';
import type { Message } from 'kafkajs';
import type { TaggedPost } from '../../src/domain/outcome.js';
import type { Post } from '../../src/domain/post.js';
import { startTagstream, tagstream, type AgentProcess } from '../support/agent-process.js';
import type { Broker } from '../support/broker.js';
import { produce } from '../support/transport.js';
import { judge, type Input, type Verdict } from './oracle.js';

const hooks = new URL('hooks.mjs', import.meta.url).href;

/** The shortest session that brokers allow: a silent member's partitions go to others after so many milliseconds. */
export const sessionTimeoutMs = 6_000;

/** An agent that is started again whenever it ends, as whatever runs it in production does. */
export interface SupervisedAgent {
  /** The process that runs now. */
  readonly now: AgentProcess;
  /** How each process before ended that was not asked to: exit code or signal. */
  readonly exits: readonly (number | NodeJS.Signals | null)[];
  /** When the process that runs now says so on standard error, or has said so. */
  untilSaid(text: string): Promise<void>;
  /** Ends it with SIGTERM for good; with what exit code it ended. */
  stop(): Promise<number | null>;
}

/** An input topic with posts and agents that tag them. */
export interface Scene {
  readonly broker: Broker;
  readonly inputTopic: string;
  readonly outputTopic: string;
  /**
   * Appends posts, and a record that is none after every 20th, evenly over the partitions.
   *
   * @param written how a value goes out, where it is to be more than what makes the outcome
   */
  feed(posts: number, written?: (value: string) => string): Promise<void>;
  /** Appends these, by a producer of kafkajs or by another's. */
  append(inputs: readonly Input[], send?: (topic: string) => Promise<void>): Promise<void>;
  /**
   * @param harm more environment of the first process alone
   * @param surroundings and of all its processes
   */
  start(
    harm?: Readonly<Record<string, string>>,
    surroundings?: Readonly<Record<string, string>>,
  ): SupervisedAgent;
  /** Records of the input whose outcome is committed. */
  committed(): Promise<number>;
  /** Resolves when so many records' outcomes are committed, by default all. */
  untilCommitted(records?: number): Promise<void>;
  /** @throws Error where all is committed: then a fault would find nothing to harm */
  expectWork(): Promise<void>;
  /** What the oracle finds once all is committed. */
  verdict(): Promise<Verdict>;
  /** All agents that were started. */
  readonly agents: readonly SupervisedAgent[];
}

/** Milliseconds in which a scene has to come to its end. */
const patienceMs = 180_000;

export async function openScene(broker: Broker, partitions = 2): Promise<Scene> {
  const inputTopic = await broker.createTopic('posts', { partitions });
  const outputTopic = await broker.createTopic('keyphrases', { partitions });
  const deadLetterTopic = await broker.createTopic('dead');
  const inputs: Input[] = [];
  const agents: SupervisedAgent[] = [];

  const offsets = async () => {
    const [ends, [group]] = await broker.withAdmin(async (admin) => [
      await admin.fetchTopicOffsets(inputTopic),
      await admin.fetchOffsets({ groupId: inputTopic, topics: [inputTopic] }),
    ]);
    const committed = (group?.partitions ?? []).reduce(
      (sum, { offset }) => sum + Math.max(0, Number(offset)),
      0,
    );
    return { committed, end: ends.reduce((sum, { high }) => sum + Number(high), 0) };
  };
  const settings = {
    ...{ TAGSTREAM_KAFKA_BROKERS: broker.brokers.join(), TAGSTREAM_KAFKA_GROUP_ID: inputTopic },
    ...{ TAGSTREAM_KAFKA_INPUT_TOPIC: inputTopic, TAGSTREAM_KAFKA_OUTPUT_TOPIC: outputTopic },
    ...{ TAGSTREAM_KAFKA_DEAD_LETTER_TOPIC: deadLetterTopic, TAGSTREAM_KAFKA_CHUNK_SIZE: '16' },
    ...{ TAGSTREAM_KAFKA_SESSION_TIMEOUT_MS: String(sessionTimeoutMs), TAGSTREAM_INFERENCE_THREADS: '1' },
    TAGSTREAM_INFERENCE_WORKERS: '2',
    ...{ TAGSTREAM_WEB_PORT: '0', NODE_OPTIONS: `--import ${hooks}` },
  };

  const scene: Scene = {
    broker,
    inputTopic,
    outputTopic,
    async feed(posts, written = (value) => value) {
      const more = inputsFrom(inputs.length, posts, await partitionsOf(broker, inputTopic));
      const messages = more.map((input) => ({ ...messageOf(input), value: written(String(input.value)) }));
      await scene.append(more, (topic) => produce(broker, topic, messages));
    },
    async append(more, send = (topic) => produce(broker, topic, more.map(messageOf))) {
      inputs.push(...more);
      await send(inputTopic);
    },
    start(harm = {}, surroundings = {}) {
      const agent = supervise({ ...settings, ...surroundings }, harm);
      agents.push(agent);
      return agent;
    },
    committed: async () => (await offsets()).committed,
    async untilCommitted(records) {
      const deadline = Date.now() + patienceMs;
      for (;;) {
        // While a broker is away nobody can be asked.
        const { committed, end } = await offsets().catch(() => ({ committed: -1, end: 0 }));
        if (committed >= (records ?? end)) return;
        if (Date.now() > deadline) {
          const said = agents.map(({ exits, now }) => `${exits.join()}\n${now.stderr().slice(-3_000)}`);
          throw new Error(`${committed} of ${records ?? end} records are done:\n${said.join('\n')}`);
        }
        await sleep(100);
      }
    },
    async expectWork() {
      const { committed, end } = await offsets();
      if (committed >= end) throw new Error('there is no work left to be harmed');
    },
    async verdict() {
      const [results, deadLetters] = await Promise.all([
        broker.consoleConsumer(outputTopic),
        broker.consoleConsumer(deadLetterTopic),
      ]);
      return judge(inputs, results, deadLetters, await faultFree(inputs));
    },
    agents,
  };
  return scene;
}

const messageOf = ({ key, value, partition }: Input): Message => ({
  ...(key === undefined ? {} : { key }),
  value: typeof value === 'string' ? Buffer.from(value) : value,
  partition,
});

/** Records that differ from each other and from all before, with 1,000 texts. */
function inputsFrom(first: number, count: number, partitions: number): readonly Input[] {
  const things = ['garden', 'football', 'breakfast', 'rocket', 'galaxy', 'harbour', 'temple', 'winter'];
  return Array.from({ length: count }, (_, index) => {
    const id = `post-${first + index}`;
    const thing = things[(first + index) % things.length];
    const partition = index % partitions;
    const poison = `${id} is no post`;
    if ((first + index) % 20 === 19) return { name: poison, reason: 'not_json', value: poison, partition };
    const text = `day ${(first + index) % 500} of the ${thing} with friends #${thing}`;
    return { name: id, value: JSON.stringify({ id, text }), partition };
  });
}

/** What becomes of the same posts where nothing goes wrong; each text is tagged once. */
async function faultFree(inputs: readonly Input[]): Promise<ReadonlyMap<string, TaggedPost>> {
  const posts = inputs
    .filter(({ value }) => typeof value === 'string' && isPost(value))
    .map(({ value }) => JSON.parse(String(value)) as Post);
  const lines = new Map(posts.map((post) => [post.text, JSON.stringify(post)]));
  const { stdout } = await tagstream(['tag', '-'], {}, [...lines.values()].join('\n'));
  const results = stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as TaggedPost);
  const byText = new Map([...lines.keys()].map((text, index) => [text, results[index]!]));
  return new Map(posts.map(({ id, text }) => [id, byText.get(text)!]));
}

function isPost(value: string): boolean {
  return value.startsWith('{"id":"post-');
}

/** Waits for the leaders of all partitions: after a start of the broker they take their time. */
async function partitionsOf(broker: Broker, topic: string): Promise<number> {
  for (;;) {
    const offsets = await broker.withAdmin((admin) => admin.fetchTopicOffsets(topic)).catch(() => undefined);
    if (offsets !== undefined) return offsets.length;
    await sleep(100);
  }
}

function supervise(
  settings: Readonly<Record<string, string>>,
  harm: Readonly<Record<string, string>>,
): SupervisedAgent {
  const exits: (number | NodeJS.Signals | null)[] = [];
  let stopping = false;
  const start = (environment: Readonly<Record<string, string>>): AgentProcess => {
    const started = startTagstream(['run'], environment);
    void started.exited.then((code) => {
      if (stopping) return;
      exits.push(code ?? started.process.signalCode);
      now = start(settings);
    });
    return started;
  };
  let now = start({ ...settings, ...harm });
  return {
    get now() {
      return now;
    },
    exits,
    async untilSaid(text) {
      const deadline = Date.now() + patienceMs;
      while (!now.stderr().includes(text)) {
        if (Date.now() > deadline) throw new Error(`the agent never said "${text}":\n${now.stderr()}`);
        await sleep(20);
      }
    },
    async stop() {
      stopping = true;
      now.process.kill('SIGCONT');
      now.process.kill('SIGTERM');
      return now.exited;
    },
  };
}
