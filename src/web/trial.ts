import type { Outcome } from '../domain/outcome.js';
import type { ConsumedRecord } from '../domain/record.js';
import { toPostView, type PostView } from './post-view.js';

/** Tags a record in tagstream's own format by itself: what comes of it goes nowhere. */
export type TagAlone = (record: ConsumedRecord) => Promise<Outcome>;

/** The longest request: a photo of 6 MB, written as base64, and a text of any length that is tagged. */
export const maxTrialBytes = 8_500_000;

/** So many may come at once, and one more every so many milliseconds, of all visitors together: the stream waits for the same model. */
const burst = 6;
const everyMs = 2_000;

/** So many wait for the model at the same time: it is there for the stream. */
const mostUnderWay = 2;

/** What a visitor may send: a text, and a photo as a data URI. It names no address, so it has nothing fetched. */
export const trialSchema = {
  type: 'object',
  required: ['text'],
  properties: {
    text: { type: 'string' },
    image: { type: 'string', pattern: '^data:image/[a-z0-9+.-]+;base64,' },
  },
} as const;

export interface Trial {
  readonly text: string;
  readonly image?: string;
}

/** Posts that visitors type, tagged as those of the stream are. Nothing of them is kept. */
export interface Trials {
  /**
   * Asks whether another post may come, before any of it is read, and counts it if so.
   *
   * @returns in how many seconds to ask again; 0 where it may come
   */
  busyForSeconds(): number;
  /**
   * @returns what became of the post.
   * @throws InfrastructureError where the model can't run.
   */
  run(trial: Trial): Promise<PostView>;
}

/** @param clock milliseconds on a clock that does not go back */
export function createTrials(tagAlone: TagAlone, clock: () => number = () => performance.now()): Trials {
  let count = 0;
  let left = burst;
  let filledAt = clock();
  let underWay = 0;

  return {
    busyForSeconds() {
      const come = Math.floor((clock() - filledAt) / everyMs);
      left = Math.min(burst, left + come);
      filledAt += come * everyMs;
      if (underWay >= mostUnderWay) return everyMs / 1000;
      if (left < 1) return Math.ceil((filledAt + everyMs - clock()) / 1000);
      left -= 1;
      return 0;
    },
    async run({ text, image }) {
      count += 1;
      const timestamp = Date.now();
      const post = { id: `typed-${count}`, text, images: image === undefined ? [] : [image] };
      underWay += 1;
      const outcome = await tagAlone({
        position: { topic: 'typed', partition: 0, offset: BigInt(count) },
        key: null,
        value: Buffer.from(JSON.stringify(post)),
        headers: {},
        timestamp,
      }).finally(() => (underWay -= 1));
      return { ...toPostView({ outcome, timestamp }, 0, Date.now()), typed: true };
    },
  };
}
