/** A membership that is kept alive while its owner is busy. */
export interface Heartbeat {
  /** Aborted, with what the heartbeat failed with as its reason, when the membership is lost or in doubt. */
  readonly lost: AbortSignal;
  stop(): void;
}

/** Calls `beat` every `everyMs` milliseconds until it rejects or `stop` is called: kafkajs has no heartbeat of its own. */
export function keepAlive(beat: () => Promise<void>, everyMs: number): Heartbeat {
  const loss = new AbortController();
  const timer = setInterval(() => {
    beat().catch((error: unknown) => {
      clearInterval(timer);
      loss.abort(error);
    });
  }, everyMs);
  return {
    lost: loss.signal,
    stop: () => {
      clearInterval(timer);
    },
  };
}
