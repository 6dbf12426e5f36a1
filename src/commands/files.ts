import { createReadStream } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import type { Readable, Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { InfrastructureError, InputError } from '../domain/errors.js';

/**
 * Opens a file that a command was given, before anything is made of it.
 *
 * @throws InputError where it cannot be read
 */
export async function openInput(file: string): Promise<Readable> {
  try {
    const handle = await open(file);
    if (!(await handle.stat()).isDirectory()) return handle.createReadStream();
    await handle.close();
  } catch (error) {
    throw unreadable(file, error);
  }
  throw isFolder(file);
}

/**
 * The whole content of a file that a command was given, as text.
 *
 * @throws InputError where it cannot be read
 */
export async function contentOf(file: string): Promise<string> {
  const stream = await openInput(file);
  try {
    return await text(stream);
  } catch (error) {
    throw unreadable(file, error);
  }
}

/**
 * How many lines of a file are not blank, so that progress can be told; `undefined` where it is none that can be read twice.
 *
 * @throws InputError where it cannot be read
 */
export async function countLines(file: string): Promise<number | undefined> {
  if (file === '-') return undefined;
  try {
    if (!(await stat(file)).isFile()) return undefined;
    let lines = 0;
    let filled = false;
    for await (const piece of createReadStream(file, 'latin1') as AsyncIterable<string>) {
      for (const [index, part] of piece.split('\n').entries()) {
        if (index > 0) {
          lines += Number(filled);
          filled = false;
        }
        filled ||= part.trim() !== '';
      }
    }
    return lines + Number(filled);
  } catch (error) {
    throw unreadable(file, error);
  }
}

/**
 * Creates a file for a command's results, or empties it.
 *
 * @throws InfrastructureError where it cannot be written
 */
export async function createOutput(file: string): Promise<Writable> {
  try {
    return (await open(file, 'w')).createWriteStream();
  } catch (error) {
    throw new InfrastructureError(`${file} cannot be written: ${(error as Error).message}`);
  }
}

/** The error for a folder in the place of a file. */
export const isFolder = (path: string): InputError =>
  new InputError(`${path} cannot be read: it is a folder`);

/** The error for a file that a command was given and cannot read. */
export const unreadable = (file: string, error: unknown): InputError =>
  new InputError(`${file} cannot be read: ${(error as Error).message}`);
