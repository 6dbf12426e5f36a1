import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const cli = fileURLToPath(new URL('../../dist/cli.js', import.meta.url));

/** In a mount namespace of its own: every file system that is no kernel interface becomes read-only. */
const readOnly = `
  mount --make-rprivate /
  for at in $(awk '{ print $5 }' /proc/self/mountinfo | grep -vE '^/(proc|sys|dev)(/|$)'); do
    mount -o remount,bind,ro "$at" 2>/dev/null
  done
  for folder in / /tmp "$HOME" "$(dirname "$1")"; do
    if touch "$folder/tagstream-wrote" 2>/dev/null; then rm "$folder/tagstream-wrote"; exit 99; fi
  done
  exec "$0" "$1" demo --once`;

it('the agent runs where it can write no file', (context) => {
  const { status, stdout, stderr, error } = spawnSync(
    'unshare',
    [process.getuid?.() === 0 ? '-m' : '-rm', 'bash', '-c', readOnly, process.execPath, cli],
    { encoding: 'utf8', env: { ...process.env, TAGSTREAM_IMAGES_TIMEOUT_MS: '60000' } },
  );
  if (error !== undefined || status === 99 || stderr.includes('unshare:')) {
    context.skip('this user may not make file systems read-only (util-linux’s unshare)');
  }
  expect(stderr).not.toMatch(/EROFS|EACCES/);
  expect(status).toBe(0);
  expect(stdout).toContain('demo-01');
});
