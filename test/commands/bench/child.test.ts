import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runChild } from '../../../src/commands/bench/child.js';

let folder: string;
beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'tagstream-child-'))));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

function program(name: string, code: string): string {
  const file = join(folder, name);
  writeFileSync(file, code);
  return file;
}

describe('a process that is measured', () => {
  it('is told to have used the CPU time that it used, and its memory at each line', async () => {
    const busy = program(
      'busy.mjs',
      `for await (const piece of process.stdin) {
         const end = performance.now() + 300;
         while (performance.now() < end);
         await new Promise((done) => setTimeout(done, 300));
         process.stdout.write(piece);
       }`,
    );
    const seen: [number, number][] = [];
    const use = await runChild(busy, [], Readable.from(['a\nb\nc\n']), (lines, bytes) =>
      seen.push([lines, bytes]),
    );
    expect(use.lines).toBe(3);
    expect(use.cpuMs).toBeGreaterThan(50);
    expect(seen.map(([lines]) => lines)).toEqual([1, 2, 3]);
    expect(seen[2]![1]).toBeGreaterThan(2 ** 20);
  });

  it('that fails is told with what it said', async () => {
    const failing = program('failing.mjs', `process.stderr.write('no such flag'); process.exitCode = 3;`);
    await expect(runChild(failing, [], Readable.from(['a\n']))).rejects.toThrow(
      /failing\.mjs ended with 3: no such flag$/,
    );
  });
});
