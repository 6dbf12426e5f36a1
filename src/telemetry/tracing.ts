import type { Outcome } from '../domain/outcome.js';
import type { ConsumedBatch, Position } from '../domain/record.js';
import type { Stage } from './metrics.js';

/** Follows records through their stages. */
export interface Tracing {
  /** Begins to follow the records of a batch, each in the trace that its headers name or in one of its own. */
  follow(batch: ConsumedBatch): BatchTrace;
  /** Runs a stage as a part of what is followed where it is called. */
  stage<R>(stage: Stage, step: () => Promise<R>): Promise<R>;
  /** Hands over what is left, as far as that takes no more than seconds. */
  close(): Promise<void>;
}

export interface BatchTrace {
  /** Runs a record's step: the stages within are the record's. */
  within<R>(position: Position, step: () => R): R;
  /** Runs the writing of all records' outcomes, which is a stage of each. */
  write<R>(step: () => Promise<R>): Promise<R>;
  /** The outcome with the record's trace, for whoever reads the result. */
  withTrace(outcome: Outcome): Outcome;
  /** The outcomes are out. */
  end(outcomes: readonly Outcome[]): void;
  /** The batch is read again, and followed anew then. */
  fail(error: unknown): void;
}

const unfollowed: BatchTrace = {
  within: (_position, step) => step(),
  write: (step) => step(),
  withTrace: (outcome) => outcome,
  end: () => undefined,
  fail: () => undefined,
};

/** Nothing is followed. */
export const noTracing: Tracing = {
  follow: () => unfollowed,
  stage: (_stage, step) => step(),
  close: async () => undefined,
};

/** What is told of the delivery of spans. */
export interface TracingListener {
  /** Spans that the collector did not take. */
  lost(spans: number): void;
  /** For the log. */
  trouble(message: string): void;
}
