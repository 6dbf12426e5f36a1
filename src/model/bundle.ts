import { createHash } from 'node:crypto';
import { createReadStream, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';
import { ConfigurationError } from '../domain/errors.js';

/** A file of the bundle: a bare name, so that a manifest cannot reach outside its folder. */
const file = z.string().refine((name) => name === basename(name) && name !== '..', 'not a bare file name');
const positive = z.int().positive();

const manifestSchema = z.object({
  formatVersion: z.literal(4),
  name: z.string(),
  version: z.string(),
  files: z.record(file, z.object({ sha256: z.string().regex(/^[0-9a-f]{64}$/), bytes: positive })),
  text: z.object({
    /** Products of integers, for the CPU. */
    model: file,
    /** The same weights in products of float32, for CUDA. */
    floatModel: file,
    /** The weights of both. */
    weights: file,
    tokenizer: file,
    /** Keyphrases, one a line, in the order of the model's scores. */
    labels: file,
    /** Words with their costs, by which hashtags are split. */
    words: file,
    /** Word pieces of each segment at most. */
    limits: z.object({ text: positive, entities: positive, attributes: positive, ocr: positive }),
  }),
  /** The labelled posts among which a post's neighbours are looked for. */
  knn: z.object({
    search: file,
    /** Their vectors, quantised, and their labels: a list of label numbers for each. */
    vectors: file,
    posts: file,
    /** The vectors of the labels' own words, quantised. */
    labelVectors: file,
    /** How many of a post's neighbours are looked at. */
    neighbours: positive,
  }),
  /** Which terms and labels went together. */
  coOccurrence: z.object({ file }),
  /** The pointer generator. */
  decoder: z.object({
    model: file,
    /** Wordpieces that it can write by itself, one a line. */
    wordpieces: file,
    width: positive,
    beams: positive,
    /** Wordpieces of a phrase at most. */
    longest: positive,
    /** How many of the classifier's first labels it can copy from. */
    predictions: positive,
    /** It runs for posts whose likeliest label has a probability below this; 1: for all. */
    unsureBelow: z.number().min(0).max(1),
  }),
  ranker: z.object({
    model: file,
    features: z.array(z.string()),
    /** A phrase's probability is the logistic function of a × score + b (Platt scaling). */
    calibration: z.object({ a: z.number(), b: z.number() }),
    /** Added to the number of a term's posts: in the labelled posts and in those of earlier years. */
    shrink: z.number(),
    pastShrink: z.number(),
    /** How many labels the classifier, their own words, the neighbours and the post's terms put forward. */
    classified: positive,
    alike: positive,
    voted: positive,
    shared: positive,
    /** A neighbour's vote is exp(sharpness × similarity). */
    sharpness: z.number(),
  }),
  image: z.object({
    model: file,
    /** Names of what an image can show, one a line, in the order of the model's probabilities. */
    classes: file,
    /** The shorter side is scaled to `resize` pixels, then the centre `size` x `size` is cut out. */
    resize: positive,
    size: positive,
    /** Classes of at least this score become visual entities, at most `maxEntities` of them. */
    minScore: z.number(),
    maxEntities: positive,
    /** Numbers that describe a region. */
    features: positive,
  }),
  /** Posts with the keyphrases that they have to get, by which an opened model is checked. */
  golden: z.object({
    file,
    /** How far a score may lie from its reference. */
    tolerance: z.number().positive().max(0.5),
  }),
  /** How a photo joins its text. */
  fusion: z.object({
    model: file,
    /** Words for what photos show, one a line, and their vectors, quantised. */
    words: file,
    vectors: file,
    /** How many of them are put forward at most, and the least probability of each. */
    keyphrases: positive,
    minScore: z.number(),
    /** A photo whose matching score is lower is not used. */
    minMatch: z.number(),
    /** A word is a keyphrase with the probability match × familiarity × tag rate × the logistic function of a × cosine + b. */
    calibration: z.object({ tagRate: z.number(), a: z.number(), b: z.number() }),
  }),
});

/** What the bundle's `manifest.json` says of it. */
export type Manifest = z.output<typeof manifestSchema>;

/** A model bundle on disk. */
export interface ModelBundle {
  readonly manifest: Manifest;
  path(name: string): string;
  /** The lines of a text file of the bundle, without the empty last one. */
  lines(name: string): string[];
}

function refuse(problem: string): never {
  throw new ConfigurationError([{ key: 'model.path', problem }]);
}

/**
 * Reads a bundle's manifest; its files are not looked at yet.
 *
 * @throws ConfigurationError where there is no bundle, or one that this version cannot read.
 */
export function readBundle(folder: string): ModelBundle {
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8'));
  } catch (error) {
    return refuse(
      `no model bundle in ${folder} (${String(error)}); give the folder that holds manifest.json`,
    );
  }
  const parsed = manifestSchema.safeParse(content);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const field = issue?.path.join('.') ?? '';
    return refuse(
      `the manifest in ${folder} is not one this version reads (${field}: ${issue?.message ?? ''})`,
    );
  }
  const manifest = parsed.data;
  const { text, knn, coOccurrence, decoder, ranker, image, golden, fusion } = manifest;
  const named = [
    ...[text.model, text.floatModel, text.weights, text.tokenizer, text.labels, text.words],
    ...[knn.search, knn.vectors, knn.posts, knn.labelVectors, coOccurrence.file],
    ...[decoder.model, decoder.wordpieces, ranker.model, image.model, image.classes, golden.file],
    ...[fusion.model, fusion.words, fusion.vectors],
  ];
  const unlisted = named.filter((name) => !Object.hasOwn(manifest.files, name));
  if (unlisted.length > 0) refuse(`the manifest in ${folder} gives no hash for ${unlisted.join(', ')}`);
  const path = (name: string) => join(folder, name);
  return {
    manifest,
    path,
    lines: (name) => readFileSync(path(name), 'utf8').replace(/\n$/, '').split('\n'),
  };
}

/**
 * Holds every file of the bundle against its SHA-256 hash.
 *
 * @throws ConfigurationError naming each file that is missing or differs.
 */
export async function verifyBundle(bundle: ModelBundle): Promise<void> {
  const checks = Object.entries(bundle.manifest.files).map(async ([name, { sha256 }]) => {
    const hash = createHash('sha256');
    try {
      await pipeline(createReadStream(bundle.path(name)), hash);
    } catch {
      return `${name} is missing or cannot be read`;
    }
    return hash.digest('hex') === sha256 ? undefined : `${name} differs from its hash in manifest.json`;
  });
  const problems = (await Promise.all(checks)).filter((problem) => problem !== undefined);
  if (problems.length > 0) {
    refuse(
      `the bundle in ${bundle.path('')} is damaged: ${problems.join('; ')}. Check it out or copy it anew`,
    );
  }
}
