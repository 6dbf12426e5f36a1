/** How much one host may take, and what it may fail. */
export interface HostLimits {
  /** Requests to one host at the same time; more of them wait. */
  readonly hostConcurrency: number;
  /** Failures in a row after which a host is left alone. */
  readonly hostFailures: number;
  /** For how long, in milliseconds; after that one request tries it again. */
  readonly hostPauseMs: number;
  /** Is told of a host that is left alone from now on. */
  onHostPaused?(host: string): void;
}

/** What a request told of its host: `unknown` where it says nothing for or against it. */
export type Health = 'well' | 'failing' | 'unknown';

/** Keeps one bad host from starving the others: a limit for each host, and a circuit breaker. */
export interface HostGuard {
  /**
   * Asks a host, when it has room for another request.
   *
   * @returns what `ask` gave, or `undefined` where the host is left alone (its circuit is open)
   * @throws the signal's reason where it is aborted while the request waits, and what `ask` throws
   */
  run<T extends { readonly health: Health }>(
    host: string,
    signal: AbortSignal,
    ask: () => Promise<T>,
  ): Promise<T | undefined>;
}

interface Host {
  active: number;
  failures: number;
  /** Until when it is left alone, once it has failed too often. */
  pausedUntil: number;
  /** Those that wait for room, in their order. `true` hands them a place, `false` sends them away. */
  readonly waiting: Set<(place: boolean) => void>;
}

/** Failing hosts that are remembered: whoever makes up more host names than that only forgets the oldest. */
const mostHosts = 4_096;

/** @param now milliseconds on a clock that does not go back */
export function createHostGuard(limits: HostLimits, now: () => number = () => performance.now()): HostGuard {
  const { hostConcurrency, hostFailures, hostPauseMs } = limits;
  /** Only those that are asked now or have failed. */
  const hosts = new Map<string, Host>();

  return {
    async run(name, signal, ask) {
      const host = hosts.get(name) ?? { active: 0, failures: 0, pausedUntil: 0, waiting: new Set() };
      remember(name, host);
      if (isOpen(host)) return undefined;
      if (host.active < hostConcurrency) host.active += 1;
      else if (!(await place(host, signal))) return undefined;
      try {
        const answer = await ask();
        judge(name, host, answer.health);
        return answer;
      } finally {
        leave(name, host);
      }
    },
  };

  /** Open until its pause is over, and then for all but the one that tries it again. */
  function isOpen({ active, failures, pausedUntil }: Host): boolean {
    return failures >= hostFailures && (now() < pausedUntil || active > 0);
  }

  function judge(name: string, host: Host, health: Health): void {
    if (health === 'well') host.failures = 0;
    if (health !== 'failing') return;
    host.failures += 1;
    if (host.failures < hostFailures) return;
    // What was under way when it was paused tells nothing new.
    if (now() >= host.pausedUntil) limits.onHostPaused?.(name);
    host.pausedUntil = now() + hostPauseMs;
  }

  function place(host: Host, signal: AbortSignal): Promise<boolean> {
    signal.throwIfAborted();
    return new Promise((resolve, reject) => {
      const settle = (given: boolean) => {
        signal.removeEventListener('abort', giveUp);
        host.waiting.delete(settle);
        resolve(given);
      };
      const giveUp = () => {
        host.waiting.delete(settle);
        reject(signal.reason as Error);
      };
      signal.addEventListener('abort', giveUp, { once: true });
      host.waiting.add(settle);
    });
  }

  function leave(name: string, host: Host): void {
    host.active -= 1;
    if (host.failures >= hostFailures) {
      for (const settle of host.waiting) settle(false);
    } else {
      const [next] = host.waiting;
      if (next !== undefined) host.active += 1;
      next?.(true);
    }
    if (host.active === 0 && host.failures === 0) hosts.delete(name);
  }

  /** As the latest; in its place the oldest that is not asked now is forgotten. */
  function remember(name: string, host: Host): void {
    hosts.delete(name);
    hosts.set(name, host);
    if (hosts.size <= mostHosts) return;
    for (const [oldest, { active }] of hosts) {
      if (active > 0 || oldest === name) continue;
      hosts.delete(oldest);
      return;
    }
  }
}
