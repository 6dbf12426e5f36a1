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
import {
  abortsInterleaved,
  hostileServer,
  javaCodecs,
  partitionsAdded,
  poison,
  slowPhotos,
} from './input-faults.js';
import type { Inject } from './run-fault.js';
import { apis, type Api } from './proxy.js';

/** What can go wrong, tried one after the other; each try begins with topics of its own. */
export interface Fault {
  readonly name: string;
  /** How many brokers there are, where it is not one. */
  readonly brokers?: number;
  /** How often a try brings the fault, where it is not once. */
  readonly timesEach?: number;
  /** Whether the fault itself waits until its work is done, so that there is no recovery to measure. */
  readonly endsDone?: boolean;
  readonly tries: readonly Try[];
}

export interface Try {
  readonly name: string;
  readonly inject: Inject;
  /** How processes end that were not asked to, if any does. Having lost its place is open to all of them. */
  readonly exits?: readonly (number | NodeJS.Signals)[];
}

export const faults: readonly Fault[] = [
  {
    name: 'kill -9 at each step of a transaction',
    tries: moments.map((moment) => ({ name: moment, inject: killedAt(moment), exits: ['SIGKILL'] })),
  },
  {
    name: 'frozen past the session at each step, then woken',
    tries: moments.map((moment) => ({
      name: moment,
      inject: zombieAt(moment),
      exits: [exitCodes.fenced],
    })),
  },
  { name: 'members come and go for two minutes', tries: [{ name: '120 s', inject: rebalancedFor(120) }] },
  {
    name: 'broker killed and started again',
    tries: [1, 20].map((seconds) => ({ name: `after ${seconds} s`, inject: brokerKilled(seconds) })),
  },
  { name: 'broker frozen for 60 s', tries: [{ name: '60 s', inject: brokerFrozen(60) }] },
  {
    name: 'SIGTERM under load',
    tries: [
      { name: 'once, and again after a start', inject: stoppedUnderLoad },
      { name: 'twice at once', inject: stoppedTwice, exits: [exitCodes.failed] },
    ],
  },
  {
    name: 'a reply lost twice, for each request of a transaction',
    tries: (['broken', 'silent'] as const).flatMap((how) =>
      (Object.keys(apis) as Api[]).map((api) => ({ name: `${api} ${how}`, inject: replyLost(api, how) })),
    ),
  },
  {
    name: 'aborted transactions interleave on the input',
    tries: [{ name: '30 aborts', inject: abortsInterleaved }],
  },
  { name: 'partitions added to the input', tries: [{ name: '2 to 4', inject: partitionsAdded }] },
  {
    name: 'leaders moved among three brokers',
    brokers: 3,
    tries: [{ name: '6 times', inject: leadersMoved(6) }],
  },
  {
    name: 'one of three brokers killed and started again',
    brokers: 3,
    tries: [{ name: 'a leader', inject: leaderKilled }],
  },
  { name: 'codecs of Java’s producer', tries: [{ name: '4 codecs', inject: javaCodecs }] },
  {
    name: 'records that are no posts, among good ones',
    tries: [{ name: '202 of 22 kinds', inject: poison }],
  },
  {
    name: 'an image server that does everything wrong',
    endsDone: true,
    tries: [{ name: 'all paths', inject: hostileServer }],
  },
  {
    name: 'photos that take 4.5 s, while agents are killed and come and go',
    endsDone: true,
    tries: [{ name: 'one in 16', inject: slowPhotos, exits: ['SIGKILL'] }],
  },
  {
    name: 'a run of the model fails, ends its thread, aborts the process',
    tries: [
      { name: 'fails', inject: modelFails('throws') },
      { name: 'ends its thread', inject: modelFails('ends'), exits: [exitCodes.failed] },
      { name: 'aborts', inject: modelFails('aborts'), exits: ['SIGABRT'] },
    ],
  },
  {
    name: 'a run of the model hangs',
    tries: [{ name: 'until its health is asked', inject: modelHangs, exits: ['SIGKILL'] }],
  },
  {
    name: 'a model ten times slower and 1 GB to do, within 768 MiB of memory',
    endsDone: true,
    tries: [{ name: '60 s', inject: modelSlow }],
  },
  {
    name: 'kill -9 at random moments',
    timesEach: 10,
    tries: Array.from({ length: 10 }, (_, index) => ({
      name: `${index + 1} of 10`,
      inject: killedAtRandom(10),
      exits: ['SIGKILL'],
    })),
  },
];

/** What `npm test` tries: a few of them, in a minute. */
export const someFaults: readonly Fault[] = [
  {
    name: 'kill -9 in a transaction',
    tries: [{ name: 'after:commit', inject: killedAt('after:commit'), exits: ['SIGKILL'] }],
  },
  {
    name: 'frozen past the session, then woken',
    tries: [{ name: 'before:commit', inject: zombieAt('before:commit'), exits: [exitCodes.fenced] }],
  },
];
