import { exitCodes } from '../../src/domain/errors.js';
import {
  killedAt,
  killedAtRandom,
  modelFails,
  modelHangs,
  modelSlow,
  moments,
  rebalancedFor,
  stoppedTwice,
  stoppedUnderLoad,
  zombieAt,
} from './agent-faults.js';
import { brokerFrozen, brokerKilled, leaderKilled, leadersMoved, replyLost } from './broker-faults.js';
import { abortsInterleaved, hostileServer, javaCodecs, partitionsAdded, poison } from './input-faults.js';
import type { Act } from './performance.js';
import { apis, type Api } from './proxy.js';

/** What can go wrong, tried one after the other; each try begins with topics of its own. */
export interface Fault {
  readonly name: string;
  /** How many brokers there are, where it is not one. */
  readonly brokers?: number;
  /** How often a try brings the fault, where it is not once. */
  readonly timesEach?: number;
  /** How processes end that were not asked to, if any does. Having lost its place is open to all of them. */
  readonly exits?: readonly (number | NodeJS.Signals)[];
  readonly tries: readonly { readonly name: string; readonly act: Act }[];
}

export const faults: readonly Fault[] = [
  {
    name: 'kill -9 at each step of a transaction',
    exits: ['SIGKILL'],
    tries: moments.map((moment) => ({ name: moment, act: killedAt(moment) })),
  },
  {
    name: 'frozen past the session at each step, then woken',
    exits: [exitCodes.lostPlace],
    tries: moments.map((moment) => ({ name: moment, act: zombieAt(moment) })),
  },
  { name: 'members come and go for two minutes', tries: [{ name: '120 s', act: rebalancedFor(120) }] },
  {
    name: 'broker killed and started again',
    tries: [1, 20].map((seconds) => ({ name: `after ${seconds} s`, act: brokerKilled(seconds) })),
  },
  { name: 'broker frozen for 60 s', tries: [{ name: '60 s', act: brokerFrozen(60) }] },
  {
    name: 'SIGTERM under load',
    exits: [exitCodes.failed],
    tries: [
      { name: 'once, and again after a start', act: stoppedUnderLoad },
      { name: 'twice at once', act: stoppedTwice },
    ],
  },
  {
    name: 'a reply lost twice, for each request of a transaction',
    tries: (['broken', 'silent'] as const).flatMap((how) =>
      (Object.keys(apis) as Api[]).map((api) => ({ name: `${api} ${how}`, act: replyLost(api, how) })),
    ),
  },
  {
    name: 'aborted transactions interleave on the input',
    tries: [{ name: '30 aborts', act: abortsInterleaved }],
  },
  { name: 'partitions added to the input', tries: [{ name: '2 to 4', act: partitionsAdded }] },
  {
    name: 'leaders moved among three brokers',
    brokers: 3,
    tries: [{ name: '6 times', act: leadersMoved(6) }],
  },
  {
    name: 'one of three brokers killed and started again',
    brokers: 3,
    tries: [{ name: 'a leader', act: leaderKilled }],
  },
  { name: 'codecs of Java’s producer', tries: [{ name: '4 codecs', act: javaCodecs }] },
  { name: 'records that are no posts, among good ones', tries: [{ name: '202 of 22 kinds', act: poison }] },
  { name: 'an image server that does everything wrong', tries: [{ name: 'all paths', act: hostileServer }] },
  {
    name: 'a run of the model fails, ends its thread, aborts the process',
    exits: [exitCodes.failed, 'SIGABRT'],
    tries: (['throws', 'ends', 'aborts'] as const).map((how) => ({ name: how, act: modelFails(how) })),
  },
  {
    name: 'a run of the model hangs',
    exits: ['SIGKILL'],
    tries: [{ name: 'until its health is asked', act: modelHangs }],
  },
  {
    name: 'a model ten times slower, within 768 MiB of memory',
    tries: [{ name: '60 s', act: modelSlow }],
  },
  {
    name: 'kill -9 at random moments',
    exits: ['SIGKILL'],
    timesEach: 10,
    tries: Array.from({ length: 10 }, (_, index) => ({
      name: `${index + 1} of 10`,
      act: killedAtRandom(10),
    })),
  },
];

/** What `npm test` tries: a few of them, in a minute. */
export const someFaults: readonly Fault[] = [
  {
    name: 'kill -9 in a transaction',
    exits: ['SIGKILL'],
    tries: [{ name: 'after:commit', act: killedAt('after:commit') }],
  },
  {
    name: 'frozen past the session, then woken',
    exits: [exitCodes.lostPlace],
    tries: [{ name: 'before:commit', act: zombieAt('before:commit') }],
  },
];
