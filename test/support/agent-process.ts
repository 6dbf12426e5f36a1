import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const cli = fileURLToPath(new URL('../../dist/cli.js', import.meta.url));

/** `tagstream` as a process of its own, as its users start it. */
export interface AgentProcess {
  readonly process: ChildProcess;
  /** The exit code, when it has ended and all its output has been read. */
  readonly exited: Promise<number | null>;
  stdout(): string;
  stderr(): string;
}

/** Starts `tagstream` with these arguments and no settings from the environment but `environment`. */
export function startTagstream(
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
  input?: string | Buffer,
): AgentProcess {
  const inherited = Object.entries(process.env).filter(
    // The agent itself has to keep ONNX Runtime quiet, not the tests' environment.
    ([name]) => !name.startsWith('TAGSTREAM_') && name !== 'ORT_DISABLE_TELEMETRY',
  );
  const child = spawn(process.execPath, [cli, ...args], {
    env: { ...Object.fromEntries(inherited), ...environment },
  });
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (piece: Buffer) => (output.stdout += String(piece)));
  child.stderr.on('data', (piece: Buffer) => (output.stderr += String(piece)));
  child.stdin.end(input ?? '');
  return {
    process: child,
    exited: new Promise((resolve) => child.once('close', resolve)),
    stdout: () => output.stdout,
    stderr: () => output.stderr,
  };
}

/** Runs `tagstream` to its end. */
export async function tagstream(
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
  input?: string | Buffer,
): Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }> {
  const started = startTagstream(args, environment, input);
  const code = await started.exited;
  return { code, stdout: started.stdout(), stderr: started.stderr() };
}
