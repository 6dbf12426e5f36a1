import { spawn, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const cli = fileURLToPath(new URL('../../dist/cli.js', import.meta.url));

/** Whether this machine has util-linux' `script`, which gives a program a terminal. */
export const hasTerminals = String(spawnSync('script', ['--version']).stdout).includes('util-linux');

/**
 * Runs `tagstream` on a terminal of its own.
 *
 * @param line its arguments as a shell takes them, with redirections where not everything should go to the terminal
 * @returns what the terminal was sent, with its line ends as `\n`
 */
export async function onTerminal(
  line: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<{ readonly code: number | null; readonly screen: string }> {
  const inherited = Object.entries(process.env).filter(
    // Node asks all of these whether a terminal has colours.
    ([name]) => !name.startsWith('TAGSTREAM_') && !['NO_COLOR', 'FORCE_COLOR', 'CI'].includes(name),
  );
  const child = spawn('script', ['-qec', `'${process.execPath}' '${cli}' ${line}`, '/dev/null'], {
    env: { ...Object.fromEntries(inherited), TERM: 'xterm-256color', ...environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let screen = '';
  child.stdout.on('data', (piece: Buffer) => (screen += String(piece)));
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, screen: screen.replaceAll('\r\n', '\n') };
}
