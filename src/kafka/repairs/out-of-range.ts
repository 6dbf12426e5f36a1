/** A partition of a topic. */
interface Place {
  readonly topic: string;
  readonly partition: number;
}

/** What this file uses of kafkajs's account of a member's offsets. */
interface OffsetManager {
  readonly cluster: {
    readonly logger: { warn(message: string, about: object): void };
    fetchTopicsOffset(
      topics: readonly {
        readonly topic: string;
        readonly partitions: readonly { readonly partition: number }[];
        readonly fromBeginning: boolean;
      }[],
    ): Promise<readonly { readonly partitions: readonly { readonly offset: string }[] }[]>;
  };
  /** The offset to go on from, as a decimal number. */
  nextOffset(topic: string, partition: number): { toString(): string };
  setDefaultOffset(place: Place): Promise<void>;
}

/** A group is to go on behind the end of a log: the log has lost its end, or the group's offset was set by hand. */
class BeyondLogError extends Error {
  override readonly name = 'BeyondLogError';
  /** For kafkajs: to ask again makes nothing better. */
  readonly retriable = false;
}

/**
 * kafkajs goes back to a log's beginning, and commits that, where it is to read what the log does not hold. Where the log
 * begins later by now, as when it was kept too briefly, that is all that can be done. Where the log ends before, all of
 * it would be handed out once more: then the consumer crashes instead, and the committed offset stays.
 */
export function repairOutOfRange(require: NodeJS.Require): void {
  const { prototype } = require('kafkajs/src/consumer/offsetManager/index.js') as {
    readonly prototype: OffsetManager;
  };
  const goToBeginning = prototype.setDefaultOffset;
  prototype.setDefaultOffset = async function ({ topic, partition }) {
    const wanted = BigInt(this.nextOffset(topic, partition).toString());
    const [found] = await this.cluster.fetchTopicsOffset([
      { topic, partitions: [{ partition }], fromBeginning: true },
    ]);
    const begin = BigInt(found?.partitions[0]?.offset ?? 0);
    if (wanted >= begin) {
      throw new BeyondLogError(
        `the group is to go on at offset ${wanted} of partition ${partition}, but the log ends before that: it has lost ` +
          `its end, or the group's offset was set wrongly. Nothing was read. Set the offset to where the group is to go ` +
          `on (kafka-consumer-groups.sh --reset-offsets), and start again`,
      );
    }
    this.cluster.logger.warn('records were deleted from the log before they were read', {
      ...{ topic, partition, records: Number(begin - wanted) },
      ...{ from: wanted.toString(), to: begin.toString() },
    });
    await goToBeginning.call(this, { topic, partition });
  };
}
