/** What kafkajs takes for the end though a broker only was away, or its answer. */
const outages: readonly unknown[] = [
  'KafkaJSBrokerNotFound',
  'KafkaJSConnectionClosedError',
  'KafkaJSConnectionError',
  'KafkaJSGroupCoordinatorNotFound',
  'KafkaJSNoBrokerAvailableError',
  'KafkaJSRequestTimeoutError',
];

/** Whether an error, or what caused it, will pass when the brokers are back. */
export function isOutage(error: unknown): boolean {
  return error instanceof Error && (outages.includes(error.name) || isOutage(error.cause));
}
