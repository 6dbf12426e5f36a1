import { afterAll, beforeAll, expect, it } from 'vitest';
import { loadConfig } from '../src/config/load.js';
import { openTagger, type Tagger } from '../src/tagger.js';
import { createEvents } from '../src/telemetry/events.js';
import { createLogger } from '../src/telemetry/logger.js';
import { createMetrics } from '../src/telemetry/metrics.js';
import { demoPhotos } from './support/image-server.js';

const metrics = createMetrics();
let tagger: Tagger;
beforeAll(
  async () => (tagger = await openTagger(loadConfig({}), createEvents(createLogger('silent'), metrics))),
);
afterAll(() => tagger.close());

const [photo = Buffer.alloc(0)] = demoPhotos().values();
const post = {
  id: '1',
  text: 'look',
  images: [`data:image/jpeg;base64,${photo.toString('base64')}`],
};

async function bytesKept(): Promise<number> {
  const { values } = await metrics.imageCacheBytes.get();
  return values.find(({ labels }) => labels['cache'] === 'content')?.value ?? 0;
}

it('keeps the photos of the stream for their reposts, and none of what someone types', async () => {
  const [alone] = await tagger.slot.live.loneSteps.loadImages(post);
  expect([alone?.kind, await bytesKept()]).toEqual(['decoded', 0]);
  const [streamed] = await tagger.slot.live.steps.loadImages(post);
  expect(streamed).toEqual(alone);
  expect(await bytesKept()).toBeGreaterThan(photo.length / 2);
});
