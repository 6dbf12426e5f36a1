import { setTimeout as sleep } from 'node:timers/promises';
import type { Act, Stage } from './performance.js';
import { startProxy, type Api } from './proxy.js';

/** The broker dies under load and comes back. */
export const brokerKilled =
  (seconds: number): Act =>
  async (stage) => {
    await stage.working();
    await stage.process.kill();
    await sleep(seconds * 1_000);
    await stage.process.start();
  };

/** The broker does nothing for a while, and then goes on as if nothing were. */
export const brokerFrozen =
  (seconds: number): Act =>
  async (stage) => {
    await stage.working();
    await stage.process.freeze();
    await sleep(seconds * 1_000);
    await stage.process.thaw();
  };

/** A reply gets lost on its way from the broker, which has done what it was asked for. */
export const replyLost =
  (api: Api, how: 'broken' | 'silent'): Act =>
  async (stage) => {
    const port = Number(stage.process.brokers[0]?.split(':')[1]);
    const proxy = await startProxy(port);
    stage.finally(proxy.stop);
    const lost = proxy.loseReply(api, how);
    stage.start({}, { DETOUR: `${port}:${proxy.port}` });
    await lost;
    await proxy.loseReply(api, how);
  };

/** The partitions of all topics, Kafka's own among them, get other leaders again and again. */
export const leadersMoved =
  (times: number): Act =>
  async (stage) => {
    await stage.working();
    for (let turn = 1; turn <= times; turn++) {
      await stage.feed(40);
      const before = await leaderOf(stage);
      await stage.broker.withAdmin(async (admin) => {
        const { topics } = await admin.fetchTopicMetadata();
        await admin.alterPartitionReassignments({
          topics: topics.map(({ name, partitions }) => ({
            topic: name,
            partitionAssignment: partitions.map(({ partitionId, replicas }) => ({
              partition: partitionId,
              replicas: [...replicas.slice(1), ...replicas.slice(0, 1)],
            })),
          })),
        });
      });
      // The first copy is to lead.
      await stage.tools.run('org.apache.kafka.tools.LeaderElectionCommand', [
        ...['--bootstrap-server', stage.broker.brokers.join()],
        ...['--election-type', 'preferred', '--all-topic-partitions'],
      ]);
      while ((await leaderOf(stage)) === before) await sleep(100);
      await sleep(2_000);
    }
  };

/** The id of the broker that leads the input's first partition. */
async function leaderOf({ broker, inputTopic }: Stage): Promise<number> {
  const { topics } = await broker.withAdmin((admin) => admin.fetchTopicMetadata({ topics: [inputTopic] }));
  return topics[0]?.partitions.find(({ partitionId }) => partitionId === 0)?.leader ?? -1;
}

/** The broker that leads a partition of the input dies; two others go on without it, and it comes back. */
export const leaderKilled: Act = async (stage) => {
  await stage.working();
  const leader = stage.cluster[(await leaderOf(stage)) - 1];
  if (leader === undefined) throw new Error('the partition has no leader');
  await leader.kill();
  await stage.feed(80);
  await stage.untilCommitted();
  await leader.start();
  await stage.feed(80);
};
