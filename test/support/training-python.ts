import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const trainingFolder = fileURLToPath(new URL('../../models/training', import.meta.url));

/**
 * A Python that has what `models/training/requirements.txt` names: `TAGSTREAM_PYTHON`, else a virtual environment in
 * the cache, named after the requirements' hash.
 *
 * @returns the interpreter, or why there is none
 */
export function findTrainingPython(): { readonly python: string } | { readonly reason: string } {
  const hash = createHash('sha256').update(readFileSync(join(trainingFolder, 'requirements.txt')));
  const cached = join(homedir(), `.cache/tagstream/python-${hash.digest('hex').slice(0, 12)}/bin/python`);
  const python = process.env['TAGSTREAM_PYTHON'] ?? cached;
  if (!existsSync(python)) {
    return {
      reason: `there is no ${python}: .ci/training-python makes it, or TAGSTREAM_PYTHON names another`,
    };
  }
  try {
    execFileSync(python, ['-c', 'import torch, onnx, onnxruntime, lightgbm, nltk, tokenizers'], {
      stdio: 'pipe',
    });
    return { python };
  } catch (error) {
    return { reason: `${python} lacks a package of models/training/requirements.txt (${String(error)})` };
  }
}
