import { createHash } from 'node:crypto';
import { parentPort, workerData } from 'node:worker_threads';
import sharp from 'sharp';
import { openModel, type Model, type ModelOptions } from '../../model/model.js';
import { openSession, type Session, type SessionRun } from '../../onnx/session.js';
import { copyingRecorder, repeatPosts } from './recorder.js';
import type { BenchReply, BenchTask, BenchThreadData } from './bench-protocol.js';

/**
 * A thread that holds ONNX Runtime for measurements, as a worker does for the agent. It has the model run the batches that
 * workers ran, and keeps what each session was asked; then it runs the bare sessions on the same.
 */
if (parentPort === null) throw new Error('this file is a thread of the benchmark');
const port = parentPort;
const { options, requests, photos } = workerData as BenchThreadData;

/** What the bare loop does one after the other. */
interface Step {
  readonly run: SessionRun;
  /** Files whose pixels the run reads, where it reads photos. */
  readonly files?: readonly Uint8Array[];
}

/** How many runs ahead photos are decoded. */
const ahead = 4;
/** Runs before the first that are timed. */
const warmUpRuns = 32;

const { model, steps, record } = await recordAll(options);
const { resize, size } = model.imageGeometry;
const filesByPixels = new Map<string, Uint8Array>();
for (const photo of photos) filesByPixels.set(hashOf(await pixelsOf(photo)), photo);
for (const request of requests) {
  const runs = await record(() =>
    request.kind === 'predict'
      ? model.predict(request.posts, request.limit)
      : model.analyzeImages(request.kind === 'analyze-images' ? request.images : []),
  );
  for (const run of runs) steps.push(stepOf(run));
}
await model.close();
const sessions = new Map<string, Session>();
port.postMessage({ kind: 'ready', padding: paddingOf(steps) } satisfies BenchReply);

port.on('message', (task: BenchTask) => {
  void answer(task);
});

async function answer(task: BenchTask): Promise<void> {
  if (task.kind === 'close') {
    for (const session of sessions.values()) await session.close();
    port.close();
    return;
  }
  try {
    const seconds = task.kind === 'replay' ? await replay() : await timeRuns(task);
    port.postMessage({ kind: 'done', seconds } satisfies BenchReply);
  } catch (error) {
    port.postMessage({ kind: 'failed', problem: String(error) } satisfies BenchReply);
  }
}

/** Opens the model so that its runs can be written down. */
async function recordAll(
  modelOptions: ModelOptions,
): Promise<{ model: Model; steps: Step[]; record: ReturnType<typeof copyingRecorder>['record'] }> {
  const { during, record: keep } = copyingRecorder();
  return { model: await openModel(modelOptions, during), steps: [], record: keep };
}

/** A run of the image model has its photos' files in the place of their pixels, so that the loop decodes them. */
function stepOf(run: SessionRun): Step {
  const { pixels } = run.inputs;
  if (photos.length === 0 || pixels?.type !== 'uint8') return { run };
  const bytes = size * size * 3;
  const files = Array.from({ length: pixels.data.length / bytes }, (_, at) => {
    const file = filesByPixels.get(hashOf(pixels.data.subarray(at * bytes, (at + 1) * bytes)));
    if (file === undefined) throw new Error('a photo has other pixels than its file');
    return file;
  });
  return { run, files };
}

function hashOf(pixels: Uint8Array): string {
  return createHash('sha256').update(pixels).digest('hex');
}

/** From a file's bytes to the pixels that the image model reads. */
async function pixelsOf(file: Uint8Array): Promise<Uint8Array> {
  const margin = Math.floor((resize - size) / 2);
  return sharp(file)
    .autoOrient()
    .flatten({ background: '#ffffff' })
    .resize(resize, resize, { fit: 'cover', kernel: 'cubic', fastShrinkOnLoad: false })
    .extract({ left: margin, top: margin, width: size, height: size })
    .raw({ depth: 'uchar' })
    .toBuffer();
}

/** Runs all once more, with nothing between the runs but the decoding of photos. @returns the seconds */
async function replay(): Promise<number> {
  if (sessions.size === 0) {
    // The first runs are slower.
    for (const { run } of steps.slice(0, warmUpRuns))
      await (await sessionOf(run)).run(run.inputs, run.outputs);
    for (const { run } of steps) await sessionOf(run);
  }
  const start = performance.now();
  const decoded = new Map<Step, Promise<Uint8Array[]>>();
  const reading = steps.filter(({ files }) => files !== undefined);
  const decode = (): void => {
    const next = reading[decoded.size];
    if (next?.files !== undefined) decoded.set(next, Promise.all(next.files.map(pixelsOf)));
  };
  for (let begun = 0; begun < ahead; begun += 1) decode();
  for (const step of steps) {
    const session = await sessionOf(step.run);
    if (step.files === undefined) {
      await session.run(step.run.inputs, step.run.outputs);
      continue;
    }
    const photosOfRun = (await decoded.get(step)) ?? [];
    decode();
    const data = new Uint8Array(photosOfRun.length * size * size * 3);
    photosOfRun.forEach((pixels, row) => data.set(pixels, row * size * size * 3));
    const shape = [photosOfRun.length, size, size, 3];
    await session.run({ pixels: { type: 'uint8', data, shape } }, step.run.outputs);
  }
  return (performance.now() - start) / 1000;
}

/** Runs one of the recorded runs several times. @returns the seconds of one */
async function timeRuns({ file, which, provider, repeated, times }: Extract<BenchTask, { kind: 'time' }>) {
  const runs = steps.map(({ run }) => run).filter(({ path }) => path.endsWith(`/${file.recorded}`));
  const run = runs[Math.min(which, runs.length - 1)];
  if (run === undefined) throw new Error(`${file.recorded} did not run`);
  const path = run.path.slice(0, -file.recorded.length) + file.measured;
  const session = await sessionOf({ path, provider });
  const inputs = repeatPosts(run.inputs, repeated);
  await session.run(inputs, run.outputs);
  const start = performance.now();
  for (let time = 0; time < times; time += 1) await session.run(inputs, run.outputs);
  return (performance.now() - start) / 1000 / times;
}

async function sessionOf({ path, provider }: Pick<SessionRun, 'path' | 'provider'>): Promise<Session> {
  const key = `${provider} ${path}`;
  const session = sessions.get(key) ?? (await openSession(path, { provider, threads: options.threads }));
  sessions.set(key, session);
  return session;
}

/** How much of what the encoder computes on is padding, in [0, 1]. */
function paddingOf(all: readonly Step[]): number {
  let tokens = 0;
  let words = 0;
  for (const { run } of all) {
    const { input_ids: ids, attention_mask: mask } = run.inputs;
    if (ids === undefined || mask?.type !== 'int64') continue;
    tokens += mask.data.length;
    words += mask.data.reduce((sum, value) => sum + Number(value), 0);
  }
  return tokens === 0 ? 0 : 1 - words / tokens;
}
