import { pino, type Logger } from 'pino';

export type { Logger };

/** Logs go to standard error as JSON lines: standard output belongs to results. */
export function createLogger(level: string): Logger {
  return pino({ name: 'tagstream', level }, pino.destination({ fd: 2, sync: true }));
}
