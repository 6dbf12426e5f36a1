/** What an agent's metrics can look like over seven hours, and which alerts must then fire. */

/** Minutes of a scenario; alerts are looked at when the last one is over. */
export const minutes = 420;

/** How one series goes: the value at each minute, undefined where there is none. */
export type Course = (minute: number) => number | undefined;

/** Series by their name, with labels where they are others than those of the agent. */
export type Courses = Readonly<Record<string, Course>>;

export interface Scenario {
  /** What is going on, as the end of a sentence. */
  readonly when: string;
  /** What differs from an agent that is well. */
  readonly series: Courses;
}

/** A counter that grows by so much in each minute. */
const counter = (perMinute: (minute: number) => number): Course => {
  const sums = [0];
  for (let minute = 1; minute <= minutes; minute += 1) sums.push((sums.at(-1) ?? 0) + perMinute(minute));
  return (minute) => sums[minute];
};
const always =
  <T>(value: T) =>
  () =>
    value;
/** One value until so many minutes before the end, another from then on. */
const inLast =
  <A, B>(last: number, then: A, before: B) =>
  (minute: number) =>
    minute > minutes - last ? then : before;
/** Another value between so many minutes before the end and so many. */
const between =
  <A, B>(from: number, to: number, then: A, before: B) =>
  (minute: number) =>
    minute > minutes - from && minute <= minutes - to ? then : before;

const consumed = 'tagstream_posts_consumed_total';
const outcomes = 'tagstream_post_duration_seconds_count';
const inTime = 'tagstream_post_duration_seconds_bucket{le="5"}';
const deadLetters = 'tagstream_posts_dead_lettered_total{reason="not_json"}';
const lagRecords = 'tagstream_consumer_lag_records{topic="posts",partition="0"}';
const lagSeconds = 'tagstream_consumer_lag_seconds{topic="posts",partition="0"}';
const committed = 'tagstream_committed_offset{topic="posts",partition="0"}';
const eventLoop = 'nodejs_eventloop_lag_p99_seconds';
const image = (outcome: string) => `tagstream_images_total{outcome="${outcome}"}`;
const matchSum = 'tagstream_image_match_score_sum';
const matchCount = 'tagstream_image_match_score_count';

/** Ten posts a second, and nothing wrong with any. */
export const well: Courses = {
  tagstream_ready: always(1),
  tagstream_build_info: always(1),
  tagstream_rebalances_total: always(1),
  [consumed]: counter(always(600)),
  [outcomes]: counter(always(600)),
  [inTime]: counter(always(599)),
  [deadLetters]: counter(always(1)),
  [lagRecords]: (minute) => 20 + (minute % 7),
  [lagSeconds]: always(0.4),
  [committed]: counter(always(600)),
  [eventLoop]: always(0.02),
  [image('used')]: counter(always(100)),
  [image('none')]: counter(always(490)),
  [image('unreachable')]: counter(always(9)),
  [matchSum]: counter(always(80)),
  [matchCount]: counter(always(100)),
};

/** Every series of an agent that is gone for so many minutes. */
const goneFor = (last: number): Courses =>
  Object.fromEntries(
    Object.entries(well).map(([name, course]) => [
      name,
      (minute: number) => (minute > minutes - last ? undefined : course(minute)),
    ]),
  );

/** For each alert what makes it fire, and nothing else with it, and what comes near and must not. */
export const scenarios: Readonly<
  Record<string, { readonly fires: readonly Scenario[]; readonly quiet: readonly Scenario[] }>
> = {
  TagstreamFreshnessBurnsFast: {
    fires: [
      { when: 'a fifth is late for an hour', series: { [inTime]: counter(inLast(60, 480, 599)) } },
      {
        when: 'Prometheus 3 scrapes, and writes the bound as 5.0',
        series: {
          [inTime]: always(undefined),
          'tagstream_post_duration_seconds_bucket{le="5.0"}': counter(inLast(60, 480, 599)),
        },
      },
    ],
    quiet: [
      { when: 'a tenth is late', series: { [inTime]: counter(inLast(60, 540, 599)) } },
      { when: 'it ended ten minutes ago', series: { [inTime]: counter(between(60, 10, 480, 599)) } },
      {
        when: 'there is hardly a post',
        series: { [consumed]: counter(always(1)), [outcomes]: counter(always(1)), [inTime]: always(0) },
      },
    ],
  },
  TagstreamFreshnessBurnsSlowly: {
    fires: [{ when: '8% are late for six hours', series: { [inTime]: counter(always(552)) } }],
    quiet: [
      { when: '5% are late', series: { [inTime]: counter(always(570)) } },
      { when: 'it ended forty minutes ago', series: { [inTime]: counter(inLast(40, 599, 500)) } },
    ],
  },
  TagstreamCompletenessBurnsFast: {
    fires: [
      {
        when: '2% have no outcome for an hour',
        series: { [outcomes]: counter(inLast(60, 588, 600)), [inTime]: counter(inLast(60, 588, 599)) },
      },
    ],
    quiet: [
      {
        when: '1% has none',
        series: { [outcomes]: counter(inLast(60, 594, 600)), [inTime]: counter(inLast(60, 594, 599)) },
      },
      {
        when: 'records wait and then come out, late',
        series: {
          [outcomes]: counter((minute) =>
            minute === minutes - 20 ? 400 : minute === minutes - 19 ? 800 : 600,
          ),
        },
      },
    ],
  },
  TagstreamCompletenessBurnsSlowly: {
    fires: [
      {
        when: '0.8% have no outcome for six hours',
        series: { [outcomes]: counter(always(595.2)), [inTime]: counter(always(595)) },
      },
    ],
    quiet: [
      {
        when: '0.5% have none',
        series: { [outcomes]: counter(always(597)), [inTime]: counter(always(597)) },
      },
    ],
  },
  TagstreamDeadLettersBurnFast: {
    fires: [{ when: 'a tenth is dead for an hour', series: { [deadLetters]: counter(inLast(60, 60, 1)) } }],
    quiet: [
      { when: '5% are dead', series: { [deadLetters]: counter(inLast(60, 30, 1)) } },
      { when: 'it ended ten minutes ago', series: { [deadLetters]: counter(between(60, 10, 60, 1)) } },
    ],
  },
  TagstreamDeadLettersBurnSlowly: {
    fires: [{ when: '4% are dead for six hours', series: { [deadLetters]: counter(always(24)) } }],
    quiet: [{ when: '2% are dead', series: { [deadLetters]: counter(always(12)) } }],
  },
  TagstreamNoAgentReady: {
    fires: [
      { when: 'the only agent is not ready', series: { tagstream_ready: inLast(10, 0, 1) } },
      { when: 'the only agent is gone', series: goneFor(15) },
    ],
    quiet: [
      { when: 'it restarts', series: { tagstream_ready: inLast(3, 0, 1) } },
      {
        when: 'another agent is ready',
        series: { tagstream_ready: inLast(10, 0, 1), 'tagstream_ready{instance="agent-1"}': always(1) },
      },
    ],
  },
  TagstreamLagGrows: {
    fires: [
      {
        when: 'the lag grows and the oldest record waits for minutes',
        series: {
          [lagRecords]: (minute) => 25 + Math.max(0, minute - 370) * 100,
          [lagSeconds]: inLast(40, 90, 0.4),
        },
      },
    ],
    quiet: [
      {
        when: 'a new group reads what waited',
        series: { [lagRecords]: (minute) => 500_000 - minute * 1_000, [lagSeconds]: always(200) },
      },
      {
        when: 'more is under way, but nothing waits',
        series: { [lagRecords]: (minute) => 25 + minute, [lagSeconds]: always(3) },
      },
    ],
  },
  TagstreamPartitionStuck: {
    fires: [
      {
        when: 'nothing is committed any more',
        series: {
          [lagRecords]: always(50),
          [lagSeconds]: (minute) => Math.max(0.4, (minute - 395) * 60),
          [committed]: counter(inLast(25, 0, 600)),
        },
      },
      {
        when: 'nothing was ever committed',
        series: {
          [lagRecords]: always(50),
          [lagSeconds]: (minute) => Math.max(0.4, (minute - 395) * 60),
          [committed]: always(undefined),
        },
      },
    ],
    quiet: [
      { when: 'old records are read, one batch after the other', series: { [lagSeconds]: always(5_000) } },
      {
        when: 'there is nothing to read',
        series: { [lagRecords]: always(0), [lagSeconds]: always(0), [committed]: always(100) },
      },
    ],
  },
  TagstreamInputSilent: {
    fires: [
      {
        when: 'no post comes any more',
        series: {
          [consumed]: counter(inLast(30, 0, 600)),
          [outcomes]: counter(inLast(30, 0, 600)),
          [inTime]: counter(inLast(30, 0, 599)),
        },
      },
    ],
    quiet: [
      { when: 'there never was a post', series: { [consumed]: always(0) } },
      { when: 'posts are rare', series: { [consumed]: counter((minute) => (minute % 12 === 0 ? 1 : 0)) } },
      {
        when: 'no agent is ready',
        series: { [consumed]: counter(inLast(30, 0, 600)), tagstream_ready: inLast(30, 0, 1) },
      },
    ],
  },
  TagstreamEventLoopSlow: {
    fires: [{ when: 'it lags by 300 ms', series: { [eventLoop]: inLast(15, 0.3, 0.02) } }],
    quiet: [
      { when: 'it lagged for two minutes', series: { [eventLoop]: between(7, 5, 0.4, 0.02) } },
      {
        when: 'another program’s does',
        series: { [`${eventLoop}{job="shop",instance="shop-0"}`]: always(2) },
      },
    ],
  },
  TagstreamImagesFail: {
    fires: [
      { when: 'a third cannot be reached', series: { [image('unreachable')]: counter(inLast(40, 50, 9)) } },
      { when: 'a host is given up', series: { [image('circuit_open')]: counter(inLast(40, 50, 0)) } },
    ],
    quiet: [
      { when: '15% fail', series: { [image('unreachable')]: counter(inLast(40, 17, 9)) } },
      { when: 'they do not match', series: { [image('not_matching')]: counter(always(90)) } },
      {
        when: 'there is one a minute',
        series: { [image('used')]: always(0), [image('unreachable')]: counter(always(1)) },
      },
    ],
  },
  TagstreamMatchScoreDrifts: {
    fires: [
      { when: 'it falls from 0.8 to 0.5', series: { [matchSum]: counter(inLast(100, 50, 80)) } },
      { when: 'it rises from 0.5 to 0.8', series: { [matchSum]: counter(inLast(100, 80, 50)) } },
    ],
    quiet: [
      { when: 'it falls from 0.8 to 0.72', series: { [matchSum]: counter(inLast(100, 72, 80)) } },
      {
        when: 'few posts have one',
        series: { [matchSum]: counter(inLast(100, 0.5, 0.8)), [matchCount]: counter(always(1)) },
      },
    ],
  },
  TagstreamRebalancesFlap: {
    fires: [
      {
        when: 'the group is rebalanced every other minute',
        series: { tagstream_rebalances_total: counter((minute) => (minute > 380 ? minute % 2 : 0)) },
      },
    ],
    quiet: [
      {
        when: 'three agents are replaced',
        series: { tagstream_rebalances_total: counter(between(12, 6, 1, 0)) },
      },
    ],
  },
};
