import sharp, { type Sharp } from 'sharp';

// libvips's own settings, one set for the process. Images come from strangers: only the loaders of the four
// formats may run (an SVG could read files and fonts). No two images share anything worth a cache, and the
// caller's concurrency is the parallelism.
sharp.block({ operation: ['VipsForeignLoad'] });
sharp.unblock({
  operation: [
    'VipsForeignLoadJpegBuffer',
    'VipsForeignLoadPngBuffer',
    'VipsForeignLoadWebpBuffer',
    'VipsForeignLoadNsgifBuffer',
  ],
});
sharp.cache(false);
sharp.concurrency(1);

/** sharp, with libvips set for strangers' images. */
export { sharp, type Sharp };
