import type { Provider } from '../../domain/provider.js';
import type { ModelOptions } from '../../model/model.js';
import type { Request } from '../../serving/protocol.js';

/** The messages between the main thread and a thread of the benchmark. */

/** What the thread gets at its start. */
export interface BenchThreadData {
  readonly options: ModelOptions;
  /** The batches that the model is to run while its sessions' inputs are written down. */
  readonly requests: readonly Request[];
  /** Files of the photos of the batches, which the bare loop decodes itself; where there are none it takes the pixels. */
  readonly photos: readonly Uint8Array[];
}

export type BenchTask =
  /** Runs all that was written down once more. */
  | { readonly kind: 'replay' }
  /** Runs the bundle's file on the inputs of one of the recorded runs. */
  | {
      readonly kind: 'time';
      /** The file whose runs are looked at, and the one that is run on the same inputs. */
      readonly file: { readonly recorded: string; readonly measured: string };
      /** Which of its runs, from 0; the last where there are fewer. */
      readonly which: number;
      readonly provider: Provider;
      /** How often the run's posts are repeated, so that it is one of more posts. */
      readonly repeated: number;
      readonly times: number;
    }
  | { readonly kind: 'close' };

export type BenchReply =
  | { readonly kind: 'ready'; readonly padding: number }
  | { readonly kind: 'done'; readonly seconds: number }
  | { readonly kind: 'failed'; readonly problem: string };
