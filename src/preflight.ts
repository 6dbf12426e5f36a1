import type { Config } from './config/load.js';
import { brokersUnreachable, ConfigurationError, topicsMissing } from './domain/errors.js';
import { createKafka } from './kafka/client.js';
import { describeTopics, type TopicPartitions } from './kafka/topics.js';
import { findCudaProblem, oldestDriver, readGpu, type Gpu } from './onnx/cuda-libraries.js';
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

/**
 * Asks NVIDIA's driver for the GPU and, where the models may run on it, looks for the libraries that CUDA needs. Nothing is
 * loaded.
 *
 * @returns the GPU and what CUDA lacks; with `auto` that is no fault, since the models then run on the CPU
 * @throws ConfigurationError naming what is missing where the models are to run on CUDA
 */
export async function checkGpu({ inference: { provider } }: Config): Promise<string> {
  const gpu = await readGpu();
  const found =
    gpu === undefined ? 'no NVIDIA GPU found' : `${gpu.name}, ${gpu.memory}, driver ${gpu.driver}`;
  if (provider === 'cpu' || (provider === 'auto' && gpu === undefined)) return found;

  const lacking = [driverProblem(gpu), await findCudaProblem()].filter((problem) => problem !== undefined);
  const detail = [found, ...lacking].join('; ');
  if (provider === 'auto' || lacking.length === 0) return detail;
  throw new ConfigurationError([{ key: 'inference.provider', problem: `${detail}; or set auto or cpu` }]);
}

function driverProblem(gpu: Gpu | undefined): string | undefined {
  const needed = `install NVIDIA's driver ${oldestDriver} or newer`;
  return gpu === undefined || Number.parseInt(gpu.driver) < oldestDriver ? needed : undefined;
}
