import { chosenJobs, type DashboardSpec } from './panels.js';
import { percentiles, rate } from './queries.js';

export const images: DashboardSpec = {
  uid: 'tagstream-images',
  title: 'Images',
  description: 'What becomes of the posts’ images, and how long they take.',
  rows: {
    Outcomes: [
      {
        title: 'Images that failed',
        description: 'Share of the images asked for that could not be used. An alert fires over 20%.',
        unit: 'share',
        thresholds: { warn: 0.1, bad: 0.2 },
        queries: { '{{job}}': `tagstream:image_failures:ratio_rate15m{${chosenJobs}}` },
      },
      {
        title: 'Outcomes',
        description: 'Tagged posts by what became of their image. Without "none": most posts have no image.',
        unit: 'perSecond',
        thresholds: {},
        queries: { '{{outcome}}': rate('tagstream_images_total', 'outcome', 'outcome!="none"') },
        as: 'stack',
      },
    ],
    Cache: [
      {
        title: 'Looks into the caches',
        description: 'By URL and by content: hits, misses, and those shared with one under way.',
        unit: 'perSecond',
        thresholds: {},
        queries: { '{{cache}} {{result}}': rate('tagstream_image_cache_lookups_total', 'cache, result') },
        as: 'stack',
      },
    ],
    Durations: [
      {
        title: 'Time to fetch',
        description: 'One image file, redirects included. Bounded by images.timeoutMs.',
        unit: 'seconds',
        thresholds: { warn: 1, bad: 5 },
        queries: percentiles('tagstream_stage_duration_seconds', 'stage="fetch_image"'),
      },
      {
        title: 'Time to decode',
        description: 'From the file to the model’s pixels.',
        unit: 'seconds',
        thresholds: { warn: 0.25, bad: 1 },
        queries: percentiles('tagstream_stage_duration_seconds', 'stage="decode_image"'),
      },
      {
        title: 'Time to name',
        description: 'From pixels to the names of what they show, the wait for a batch included.',
        unit: 'seconds',
        thresholds: { warn: 1, bad: 5 },
        queries: percentiles('tagstream_stage_duration_seconds', 'stage="look_at_image"'),
      },
    ],
    Load: [
      {
        title: 'Fetches a second',
        description: 'Image files asked for; a post may have several that are tried one after the other.',
        unit: 'perSecond',
        thresholds: {},
        queries: {
          '{{instance}}': rate('tagstream_stage_duration_seconds_count', 'instance', 'stage="fetch_image"'),
        },
      },
      {
        title: 'Images under way',
        description: 'Mean number of images that are being fetched at the same time.',
        unit: 'count',
        thresholds: {},
        queries: {
          '{{instance}}': rate('tagstream_stage_duration_seconds_sum', 'instance', 'stage="fetch_image"'),
        },
      },
    ],
  },
};
