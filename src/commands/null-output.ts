import { Writable } from 'node:stream';

/** An output for commands that only watch the outcomes. */
export function nullOutput(): Writable {
  return new Writable({
    write(_chunk, _encoding, done) {
      done();
    },
  });
}
