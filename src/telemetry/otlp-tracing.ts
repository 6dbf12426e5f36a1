import { AsyncLocalStorage } from 'node:async_hooks';
import {
  defaultTextMapSetter,
  diag,
  DiagLogLevel,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  type Context,
  type Span,
  type TextMapGetter,
} from '@opentelemetry/api';
import { ExportResultCode, W3CTraceContextPropagator } from '@opentelemetry/core';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources';
import { BasicTracerProvider, BatchSpanProcessor, type SpanExporter } from '@opentelemetry/sdk-trace-base';
import { imageOutcome, type Outcome } from '../domain/outcome.js';
import type { ConsumedRecord, Position } from '../domain/record.js';
import type { BatchTrace, Tracing, TracingListener } from './tracing.js';

/** How long, in milliseconds, the last spans may take at the end. */
const closingMs = 5_000;

/** Of a header that occurs several times the last counts, as in Java's `lastHeader`. */
const headers: TextMapGetter<ConsumedRecord['headers']> = {
  keys: (carrier) => Object.keys(carrier),
  get: (carrier, key) => [carrier[key] ?? []].flat().at(-1)?.toString(),
};

/**
 * One span a record, from its batch's arrival to its outcome being out, with one a stage below it, sent over OTLP as
 * OpenTelemetry's environment variables say. A span tells the record's place and what became of it, never its text.
 *
 * Neither OpenTelemetry's global tracer nor its global context is used: agents in one process keep apart.
 */
export function createOtlpTracing(version: string, listener: TracingListener): Tracing {
  diag.setLogger(
    { ...quiet, warn: listener.trouble, error: listener.trouble },
    { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
  );
  const provider = new BasicTracerProvider({
    resource: resourceFromAttributes({ 'service.name': 'tagstream', 'service.version': version }).merge(
      detectResources({ detectors: [envDetector] }),
    ),
    spanProcessors: [new BatchSpanProcessor(counting(new OTLPTraceExporter(), listener))],
  });
  const tracer = provider.getTracer('tagstream', version);
  const propagator = new W3CTraceContextPropagator();
  /** The record, or the stage of it, whose step is running. */
  const active = new AsyncLocalStorage<Context>();

  return {
    stage(stage, step) {
      const parent = active.getStore();
      if (parent === undefined) return step();
      const span = tracer.startSpan(stage, {}, parent);
      return active.run(trace.setSpan(parent, span), () => ending(span, step()));
    },

    follow(batch): BatchTrace {
      const followed = new Map(
        batch.records.map(({ position, headers: carrier }) => {
          const parent = propagator.extract(ROOT_CONTEXT, carrier, headers);
          const attributes = positionOf(position);
          const span = tracer.startSpan(
            `process ${position.topic}`,
            { kind: SpanKind.CONSUMER, attributes },
            parent,
          );
          return [position.offset, { span, context: trace.setSpan(parent, span) }] as const;
        }),
      );
      return {
        within(position, step) {
          const record = followed.get(position.offset);
          return record === undefined ? step() : active.run(record.context, step);
        },
        async write(step) {
          const spans = [...followed.values()].map(({ context }) => tracer.startSpan('write', {}, context));
          try {
            return await step();
          } finally {
            for (const span of spans) span.end();
          }
        },
        withTrace(outcome) {
          const record = followed.get(outcome.position.offset);
          if (record === undefined) return outcome;
          if (outcome.kind !== 'tagged' && outcome.kind !== 'tombstone') return outcome;
          const carrier: Record<string, string> = {};
          propagator.inject(record.context, carrier, defaultTextMapSetter);
          return { ...outcome, trace: carrier };
        },
        end(outcomes) {
          for (const outcome of outcomes) tell(followed.get(outcome.position.offset)?.span, outcome);
          for (const { span } of followed.values()) span.end();
        },
        fail(error) {
          for (const { span } of followed.values()) {
            span.setStatus({ code: SpanStatusCode.ERROR, message: String(error) });
            span.end();
          }
        },
      };
    },

    async close() {
      // A collector that is gone must not keep the agent.
      await Promise.race([
        provider.shutdown().catch((error: unknown) => listener.trouble(String(error))),
        new Promise((resolve) => setTimeout(resolve, closingMs).unref()),
      ]);
    },
  };
}

const quiet = { verbose: () => undefined, debug: () => undefined, info: () => undefined };

/** Names as OpenTelemetry's conventions for messaging have them. */
const positionOf = ({ topic, partition, offset }: Position) => ({
  'messaging.operation.type': 'process',
  'messaging.destination.name': topic,
  'messaging.destination.partition.id': String(partition),
  'messaging.kafka.offset': Number(offset),
});

function tell(span: Span | undefined, outcome: Outcome): void {
  span?.setAttribute('tagstream.outcome', outcome.kind);
  switch (outcome.kind) {
    case 'tagged':
      span?.setAttribute('tagstream.image', imageOutcome(outcome.result.image));
      return;
    case 'dead-letter':
      span?.setStatus({ code: SpanStatusCode.ERROR, message: outcome.reason });
      return;
    case 'skipped':
      span?.setAttribute('tagstream.reason', outcome.reason);
      return;
    case 'tombstone':
      return;
  }
}

async function ending<R>(span: Span, step: Promise<R>): Promise<R> {
  try {
    return await step;
  } catch (error) {
    span.setStatus({ code: SpanStatusCode.ERROR, message: String(error) });
    throw error;
  } finally {
    span.end();
  }
}

/** The exporter, telling of spans that it could not deliver. */
function counting(exporter: SpanExporter, listener: TracingListener): SpanExporter {
  return {
    export(spans, done) {
      exporter.export(spans, (result) => {
        if (result.code === ExportResultCode.FAILED) listener.lost(spans.length);
        done(result);
      });
    },
    shutdown: () => exporter.shutdown(),
  };
}
