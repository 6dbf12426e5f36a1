import type { Readable } from 'node:stream';
import type { ModelVersion } from '../domain/model-version.js';
import type { Metrics } from '../telemetry/metrics.js';
import type { Trouble } from '../telemetry/troubles.js';
import { partitionsOf, type AgentState } from './agent-state.js';
import { createEventStream, type EventStreamBounds } from './event-stream.js';
import { createHistory, sampleOf, type Sample } from './history.js';
import type { RecentPosts } from './recent-posts.js';
import type { Stats } from './tally.js';

/** Room for a hundred pages and more, and no way to fill the memory: what waits for several of them is kept once. */
const defaultBounds: EventStreamBounds = { maxClients: 128, maxBufferedBytes: 256_000 };

/** Posts a page is given when it opens: as many as it shows. */
const postsOnOpening = 50;

/** How often a page hears the posts that it lacks, all together: a hundred pages cost as many writes each time. */
const flushEveryMs = 500;

/** How often a page hears the counters; they also keep a quiet connection alive. */
const statsEveryMs = 1_000;

/** Every so many times it hears the trends as well: counting them over an hour takes some milliseconds. */
const statsPerTrends = 2;

/** What health checks ask. An empty list is the good answer. */
export interface Health {
  /** Why the process should be restarted. */
  unhealthyBecause(): readonly string[];
  /** Why it cannot take work now. */
  unreadyBecause(): readonly string[];
}

/** What the page's header says of the agent. */
export interface About {
  readonly version: string;
  readonly model: ModelVersion;
  /** The execution provider in use. */
  readonly provider: string;
  /** Where posts come from and where results go, for people ("Kafka topic posts"). */
  readonly input: string;
  readonly output: string;
}

export interface LiveFeedOptions {
  readonly metrics: Metrics;
  readonly health: Health;
  readonly recentPosts: RecentPosts;
  readonly about: About;
  /** What went wrong last beside the data. */
  lastTrouble(): Trouble | undefined;
  readonly bounds?: EventStreamBounds;
}

/** What a page is told each second. */
interface Status extends Stats {
  readonly about: About;
  readonly agent: AgentState;
  readonly sample: Sample;
}

/** Posts, counters and trends, as they come, to every open page. */
export interface LiveFeed {
  status(): Promise<Status>;
  /**
   * The events for a page: all that is remembered, or what came after the last event that it has.
   *
   * @returns `undefined` where the agent is ending.
   */
  open(lastEventId: unknown): Promise<Readable | undefined>;
  /** Ends every page's events. */
  close(): void;
}

export function createLiveFeed(options: LiveFeedOptions): LiveFeed {
  const { metrics, health, recentPosts, about, lastTrouble, bounds = defaultBounds } = options;
  const history = createHistory();
  const stream = createEventStream({ bounds, event: 'post', heldAfter: recentPosts.heldAfter });

  async function status(): Promise<Status> {
    const stats = recentPosts.stats();
    const partitions = await partitionsOf(metrics);
    const trouble = lastTrouble();
    return {
      about,
      ...stats,
      agent: {
        unready: health.unreadyBecause(),
        unhealthy: health.unhealthyBecause(),
        partitions,
        ...(trouble === undefined ? {} : { trouble }),
      },
      sample: sampleOf(stats, partitions, Date.now()),
    };
  }

  // Whether a post has come or not: a page that fell behind goes on when the stream is quiet.
  const flushing = setInterval(() => stream.flush(), flushEveryMs).unref();
  let ticks = 0;
  async function tick(): Promise<void> {
    const now = await status();
    history.add(now.sample);
    stream.send('stats', () => now);
    if (ticks % statsPerTrends === 0) stream.send('trends', () => recentPosts.trends());
    ticks += 1;
  }
  const ticking = setInterval(() => void tick(), statsEveryMs).unref();

  return {
    status,
    async open(lastEventId) {
      const common = { stats: await status(), trends: recentPosts.trends(), history: history.samples() };
      const place = stream.placeOf(lastEventId);
      if (place !== undefined && place <= recentPosts.latestKey())
        return stream.open('resumed', common, place);
      const posts = recentPosts.newestFirst().slice(0, postsOnOpening);
      return stream.open('opened', { ...common, posts }, recentPosts.latestKey());
    },
    close() {
      clearInterval(flushing);
      clearInterval(ticking);
      stream.close();
    },
  };
}
