import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe } from 'vitest';
import { stringify } from 'yaml';

/** Why Prometheus' own programs cannot be used here; undefined where they can. */
const missing = ['prometheus', 'promtool'].find((program) => !runs(program));
if (missing !== undefined && process.env['REQUIRE_PROMETHEUS'] === '1') {
  throw new Error(`REQUIRE_PROMETHEUS is set and ${missing} is not on the PATH`);
}

function runs(program: string): boolean {
  try {
    execFileSync(program, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/**
 * Describes tests that need the programs `prometheus` and `promtool`. Where they are missing the tests are skipped and
 * the title says so; with `REQUIRE_PROMETHEUS=1` that is a failure.
 */
export function describeWithPrometheus(title: string, tests: () => void): void {
  if (missing === undefined) describe(title, tests);
  else describe.skip(`${title} (skipped: ${missing} is not on the PATH)`, tests);
}

/** What promtool says, and whether it is content. `input` is its stdin. */
export async function promtool(
  args: readonly string[],
  input = '',
): Promise<{ readonly code: number; readonly output: string }> {
  return new Promise((resolve) => {
    const child = execFile('promtool', args, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), output: stdout + stderr });
    });
    child.stdin?.end(input);
  });
}

/** One series of an instant query's answer. */
export interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  /** Time in Unix seconds, and the value as Prometheus writes it. */
  readonly value: readonly [number, string];
}

export interface PrometheusServer {
  /** Asks the HTTP API; `data` of the answer. */
  get<T>(path: string, parameters?: Readonly<Record<string, string>>): Promise<T>;
  query(expression: string): Promise<readonly Sample[]>;
  stop(): Promise<void>;
}

/** A Prometheus of the test's own on the loopback, which scrapes `target` (host:port) each second as job "tagstream". */
export async function startPrometheus(
  target: string,
  ruleFiles: readonly string[] = [],
): Promise<PrometheusServer> {
  const folder = await mkdtemp(join(tmpdir(), 'tagstream-prometheus-'));
  const settings = join(folder, 'prometheus.yml');
  await writeFile(
    settings,
    stringify({
      global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
      rule_files: ruleFiles,
      scrape_configs: [{ job_name: 'tagstream', static_configs: [{ targets: [target] }] }],
    }),
  );
  const port = await freePort();
  let log = '';
  const child = spawn(
    'prometheus',
    [
      ...[`--config.file=${settings}`, `--storage.tsdb.path=${join(folder, 'data')}`],
      ...[`--web.listen-address=127.0.0.1:${port}`, '--enable-feature=exemplar-storage'],
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  child.stderr.on('data', (piece: Buffer) => (log += String(piece)));
  const exited = once(child, 'exit');
  const get = async <T>(path: string, parameters: Readonly<Record<string, string>> = {}): Promise<T> => {
    const query = new URLSearchParams(parameters).toString();
    const response = await fetch(`http://127.0.0.1:${port}/api/v1/${path}?${query}`);
    const answer = (await response.json()) as { status: string; error?: string; data: T };
    if (answer.status !== 'success') throw new Error(`${path} ${query}: ${String(answer.error)}`);
    return answer.data;
  };
  const deadline = Date.now() + 30_000;
  while (
    !(await fetch(`http://127.0.0.1:${port}/-/ready`).then(
      ({ ok }) => ok,
      () => false,
    ))
  ) {
    if (child.exitCode !== null || Date.now() > deadline) {
      child.kill('SIGKILL');
      throw new Error(`Prometheus did not start: ${log.slice(-2_000)}`);
    }
    await sleep(100);
  }
  return {
    get,
    query: async (query) => (await get<{ result: readonly Sample[] }>('query', { query })).result,
    async stop() {
      child.kill('SIGTERM');
      await exited;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  await once(server.close(), 'close');
  return port;
}
