import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const signals = new URL('../../dist/commands/signals.js', import.meta.url).href;

it.skipIf(process.platform === 'win32')('ends a process whose read blocks when the drain is over', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tagstream-signals-'));
  const pipe = join(folder, 'pipe');
  execFileSync('mkfifo', [pipe]);
  const stuck = `
    import { readFile } from 'node:fs';
    import { stopOnSignals } from ${JSON.stringify(signals)};
    stopOnSignals(100);
    readFile(${JSON.stringify(pipe)}, () => undefined);
    process.kill(process.pid, 'SIGTERM');
  `;
  const { signal, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', stuck], {
    timeout: 30_000,
  });
  rmSync(folder, { recursive: true });
  expect(signal).toBe('SIGKILL');
  expect(String(stderr)).toContain('the drain took longer than shutdown.timeoutMs (100); giving up');
});
