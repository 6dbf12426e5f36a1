import { createEvents, type Events } from './events.js';
import type { Logger } from './logger.js';
import type { Metrics } from './metrics.js';
import { openTracing } from './open-tracing.js';
import type { Tracing } from './tracing.js';

/**
 * Opens tracing, and the events that are traced. Tracing can be in trouble as soon as it is opened, as with a variable of
 * OpenTelemetry's that it cannot read: what it tells before there are events is told once there are.
 *
 * @param environment OpenTelemetry's variables
 */
export async function openEvents(
  logger: Logger,
  metrics: Metrics,
  environment: NodeJS.ProcessEnv,
  version: string,
): Promise<{ readonly events: Events; readonly tracing: Tracing }> {
  const early: ((events: Events) => void)[] = [];
  let tell = (event: (events: Events) => void): void => void early.push(event);
  const tracing = await openTracing(environment, version, {
    lost: (spans) => tell((events) => events.spansLost(spans)),
    trouble: (detail) => tell((events) => events.tracingTrouble(detail)),
  });
  const events = createEvents(logger, metrics, tracing);
  tell = (event) => event(events);
  early.forEach(tell);
  return { events, tracing };
}
