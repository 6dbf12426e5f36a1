import { Writable } from 'node:stream';

/** An output for commands that only watch the outcomes. */
export function nowhere(): Writable {
  return new Writable({
    write(_chunk, _encoding, done) {
      done();
    },
  });
}
