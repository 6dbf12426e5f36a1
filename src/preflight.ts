import type { Config } from './config/load.js';
import { brokersUnreachable, topicsMissing } from './domain/errors.js';
import { createKafka } from './kafka/client.js';
import { describeTopics, type TopicPartitions } from './kafka/topics.js';
import { openTagger, type LoadedModel } from './tagger.js';
import { createEvents } from './telemetry/events.js';
import { createLogger } from './telemetry/logger.js';
import { createMetrics } from './telemetry/metrics.js';

/**
 * Asks the brokers for the three topics.
 *
 * @throws InfrastructureError naming the topics that don't exist, or the brokers where none answers
 */
export async function checkTopics({ kafka }: Config): Promise<readonly TopicPartitions[]> {
  const names = [kafka.inputTopic, kafka.outputTopic, kafka.deadLetterTopic];
  const asked = describeTopics(createKafka(kafka, createLogger('silent')), names);
  const topics = await asked.catch((cause: unknown) => {
    throw brokersUnreachable(kafka.brokers, cause);
  });
  const missing = topics.filter(({ partitions }) => partitions === 0).map(({ topic }) => topic);
  if (missing.length === 0) return topics;
  throw topicsMissing(kafka.brokers, missing);
}

/**
 * Loads the model as an agent would, and lets go of it again.
 *
 * @throws ConfigurationError when the bundle or the execution provider can't be used
 */
export async function checkModel(config: Config): Promise<Pick<LoadedModel, 'model' | 'workers'>> {
  const tagger = await openTagger(config, createEvents(createLogger('silent'), createMetrics()));
  const { model, workers } = tagger.slot.live;
  await tagger.close();
  return { model, workers };
}
