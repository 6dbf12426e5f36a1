import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readBundle, verifyBundle } from '../../src/model/bundle.js';

const shipped = fileURLToPath(new URL('../../models/bundle', import.meta.url));

describe('the shipped model bundle', () => {
  it('has the files its manifest names, with their hashes', async () => {
    await expect(verifyBundle(readBundle(shipped))).resolves.toBeUndefined();
  });

  it('stays within its 60 MB', () => {
    const { files } = readBundle(shipped).manifest;
    const bytes = Object.values(files).reduce((sum, file) => sum + file.bytes, 0);
    expect(bytes).toBeLessThan(60e6);
  });

  it('has no empty and no doubled label', () => {
    const bundle = readBundle(shipped);
    const labels = bundle.lines(bundle.manifest.text.labels);
    expect(labels.every((label) => label.trim() === label && label !== '')).toBe(true);
    expect(new Set(labels).size).toBe(labels.length);
  });
});

describe('a model bundle that is not right', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tagstream-bundle-'));
    cpSync(shipped, folder, { recursive: true });
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const changeManifest = (change: (manifest: Record<string, Record<string, unknown>>) => void) => {
    const file = join(folder, 'manifest.json');
    const manifest = JSON.parse(readFileSync(file, 'utf8')) as Record<string, Record<string, unknown>>;
    change(manifest);
    writeFileSync(file, JSON.stringify(manifest));
  };

  it('is refused when a file differs from its hash, naming the file', async () => {
    writeFileSync(join(folder, 'labels.txt'), 'another\n');
    await expect(verifyBundle(readBundle(folder))).rejects.toThrow('labels.txt differs from its hash');
  });

  it('is refused when a file is missing, naming it', async () => {
    rmSync(join(folder, 'text.onnx'));
    await expect(verifyBundle(readBundle(folder))).rejects.toThrow('text.onnx is missing');
  });

  it('is refused when there is no manifest, or none that can be read', () => {
    expect(() => readBundle(join(folder, 'elsewhere'))).toThrow('no model bundle in');
    writeFileSync(join(folder, 'manifest.json'), '{"formatVersion": 1}');
    expect(() => readBundle(folder)).toThrow('not one this version reads');
  });

  it('is refused when its manifest reaches outside the folder', () => {
    changeManifest(({ text = {} }) => (text['labels'] = '../labels.txt'));
    expect(() => readBundle(folder)).toThrow('not a bare file name');
  });

  it('is refused when a file it uses has no hash', () => {
    changeManifest(({ files = {} }) => delete files['labels.txt']);
    expect(() => readBundle(folder)).toThrow('gives no hash for labels.txt');
  });
});
