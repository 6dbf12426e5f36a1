import { setTimeout as sleep } from 'node:timers/promises';
import type { Inject, FaultContext } from './run-fault.js';
import { startProxy, type Api } from './proxy.js';

/** The broker dies under load and comes back. */
export const brokerKilled =
  (seconds: number): Inject =>
  async (context) => {
    await context.working();
    await context.brokerProcess.kill();
    await sleep(seconds * 1_000);
    await context.brokerProcess.start();
  };

/** The broker does nothing for a while, and then goes on as if nothing were. */
export const brokerFrozen =
  (seconds: number): Inject =>
  async (context) => {
    await context.working();
    await context.brokerProcess.freeze();
    await sleep(seconds * 1_000);
    await context.brokerProcess.thaw();
  };

/** A reply gets lost on its way from the broker, which has done what it was asked for. */
export const replyLost =
  (api: Api, how: 'broken' | 'silent'): Inject =>
  async (context) => {
    const port = Number(context.brokerProcess.brokers[0]?.split(':')[1]);
    const proxy = await startProxy(port);
    context.finally(proxy.stop);
    const lost = proxy.loseReply(api, how);
    context.start({}, { DETOUR: `${port}:${proxy.port}` });
    await lost;
    await proxy.loseReply(api, how);
  };

/** The partitions of all topics, Kafka's own among them, get other leaders again and again. */
export const leadersMoved =
  (times: number): Inject =>
  async (context) => {
    await context.working();
    for (let turn = 1; turn <= times; turn++) {
      await context.feed(40);
      const before = await leaderOf(context);
      await context.broker.withAdmin(async (admin) => {
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
      await context.tools.run('org.apache.kafka.tools.LeaderElectionCommand', [
        ...['--bootstrap-server', context.broker.brokers.join()],
        ...['--election-type', 'preferred', '--all-topic-partitions'],
      ]);
      while ((await leaderOf(context)) === before) await sleep(100);
      await sleep(2_000);
    }
  };

/** The id of the broker that leads the input's first partition. */
async function leaderOf({ broker, inputTopic }: FaultContext): Promise<number> {
  const { topics } = await broker.withAdmin((admin) => admin.fetchTopicMetadata({ topics: [inputTopic] }));
  return topics[0]?.partitions.find(({ partitionId }) => partitionId === 0)?.leader ?? -1;
}

/** The broker that leads a partition of the input dies; two others go on without it, and it comes back. */
export const leaderKilled: Inject = async (context) => {
  await context.working();
  const leader = context.brokerProcesses[(await leaderOf(context)) - 1];
  if (leader === undefined) throw new Error('the partition has no leader');
  await leader.kill();
  await context.feed(80);
  await context.untilCommitted();
  await leader.start();
  await context.feed(80);
};
