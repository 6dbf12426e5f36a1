import { noTracing, type Tracing, type TracingListener } from './tracing.js';

/**
 * Tracing as OpenTelemetry's own environment variables ask for it: off unless one names a collector, or `otlp` as the
 * exporter. Nothing of OpenTelemetry is loaded where it is off.
 */
export async function openTracing(
  environment: Readonly<Record<string, string | undefined>>,
  version: string,
  listener: TracingListener,
): Promise<Tracing> {
  const set = (name: string): string => environment[name]?.trim() ?? '';
  const exporter = set('OTEL_TRACES_EXPORTER');
  const asked =
    exporter === 'otlp' ||
    (exporter === '' &&
      set('OTEL_EXPORTER_OTLP_ENDPOINT') + set('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT') !== '');
  if (!asked || set('OTEL_SDK_DISABLED').toLowerCase() === 'true') return noTracing;
  const { createOtlpTracing } = await import('./otlp-tracing.js');
  return createOtlpTracing(version, listener);
}
