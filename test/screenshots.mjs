// Takes README's pictures of the live page, from a running demo: `npm run build && node test/screenshots.mjs`.
// It needs a Chromium or Chrome, on the PATH or named by CHROMIUM.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

/** The demo's posts come every 1.5 seconds: charts and trends need some of them. */
const streamedMs = 75_000;

const at = (path) => fileURLToPath(new URL(path, import.meta.url));
const demo = spawn(process.execPath, [at('../dist/cli.js'), 'demo', '--port', '0'], {
  stdio: ['ignore', 'pipe', 'ignore'],
});
const [line] = await once(demo.stdout, 'data');
const [address] = /http:\/\/[^ ]+/.exec(String(line));
await new Promise((resolve) => setTimeout(resolve, streamedMs));

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  chromiumSandbox: false,
});
for (const [name, width, height, colorScheme] of [
  ['page-light', 1440, 900, 'light'],
  ['page-dark', 1440, 900, 'dark'],
  ['page-narrow', 360, 780, 'light'],
]) {
  const page = await browser.newPage({ viewport: { width, height }, colorScheme, reducedMotion: 'reduce' });
  await page.goto(address);
  await page.locator('#posts article img').first().waitFor();
  await page.waitForTimeout(2_000);
  await page.screenshot({ path: at(`../docs/${name}.jpg`), type: 'jpeg', quality: 80 });
  await page.close();
}
await browser.close();
demo.kill('SIGTERM');
