import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import type { Post } from '../../src/domain/post.js';
import { createScreen } from '../../src/text/screen-post.js';

const options = { languages: [], duplicateWindow: 3, maxTextLength: 20 };
const post = (fields: Partial<Post> = {}): Post => ({ id: '1', text: 'hello', images: [], ...fields });
const at = (offset: number) => ({ topic: 'posts', partition: 0, offset: BigInt(offset) });

describe('the screen for posts that are nothing to tag', () => {
  it('lets an ordinary post through', () => {
    const screen = createScreen(options);
    expect(screen.checkLength(post())).toBeUndefined();
    expect(screen.check(post(), 'hello', at(0))).toBeUndefined();
  });

  it('stops a text over the limit, and only over it', () => {
    const screen = createScreen(options);
    expect(screen.checkLength(post({ text: 'x'.repeat(20) }))).toBeUndefined();
    expect(screen.checkLength(post({ text: 'x'.repeat(21) }))?.reason).toBe('too_long');
  });

  it('stops a post of which nothing is left, unless its image says something', () => {
    const screen = createScreen(options);
    expect(screen.check(post({ id: 'a' }), '', at(0))?.reason).toBe('empty');
    expect(screen.check(post({ id: 'b', images: ['https://example.org/a.jpg'] }), '', at(1))).toBeUndefined();
    expect(screen.check(post({ id: 'c', enrichment: { entities: ['beagle'] } }), '', at(2))).toBeUndefined();
    expect(screen.check(post({ id: 'd', enrichment: { entities: [], match: 0.5 } }), '', at(3))?.reason).toBe(
      'empty',
    );
  });

  it('stops languages that are not asked for, and takes a post that does not say', () => {
    const screen = createScreen({ ...options, languages: ['en', 'pt'] });
    const check = (id: string, language?: string) =>
      screen.check(post({ id, ...(language === undefined ? {} : { language }) }), 'x', at(0))?.reason;
    expect(check('a', 'de')).toBe('language');
    expect(check('b', 'pt-BR')).toBeUndefined();
    expect(check('c', 'EN')).toBeUndefined();
    expect(check('d', 'und')).toBeUndefined();
    expect(check('f', 'pt_BR')).toBeUndefined();
    expect(check('g', 'ptx')).toBe('language');
    expect(check('e')).toBeUndefined();
  });

  it('stops a post that came before, says where, and forgets the oldest beyond its window', () => {
    const screen = createScreen(options);
    const check = (id: string, offset: number) => screen.check(post({ id }), 'hello', at(offset));
    expect(check('a', 0)).toBeUndefined();
    expect(check('a', 1)?.reason).toBe('duplicate');
    expect(check('a', 1)?.detail).toContain('posts/0/0');
    for (const [offset, id] of ['b', 'c', 'd'].entries()) expect(check(id, offset + 2)).toBeUndefined();
    expect(check('a', 5)).toBeUndefined();
  });

  it('takes the same words by another id, and the same id with other words, as posts of their own', () => {
    const screen = createScreen(options);
    expect(screen.check(post({ id: 'a' }), 'hello', at(0))).toBeUndefined();
    expect(screen.check(post({ id: 'b' }), 'hello', at(1))).toBeUndefined();
    expect(screen.check(post({ id: 'a', text: 'edited' }), 'edited', at(2))).toBeUndefined();
  });

  it('does not take a batch that is read again for duplicates', () => {
    const screen = createScreen(options);
    expect(screen.check(post(), 'hello', at(7))).toBeUndefined();
    expect(screen.check(post(), 'hello', at(7))).toBeUndefined();
  });

  it('remembers posts by a few bytes, however large their images are', () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const screen = createScreen({ ...options, duplicateWindow: 1_000 });
    const posts = 100;
    const imageBytes = 1_000_000;
    collect();
    const before = process.memoryUsage().heapUsed;
    for (let offset = 0; offset < posts; offset++) {
      const images = [`data:image/jpeg;base64,${Buffer.alloc(imageBytes, `${offset}/`).toString('latin1')}`];
      expect(screen.check(post({ images }), 'hello', at(offset))).toBeUndefined();
    }
    collect();
    expect(process.memoryUsage().heapUsed - before).toBeLessThan((posts * imageBytes) / 10);
  });

  it('remembers nothing where the window is 0', () => {
    const screen = createScreen({ ...options, duplicateWindow: 0 });
    expect(screen.check(post(), 'hello', at(0))).toBeUndefined();
    expect(screen.check(post(), 'hello', at(1))).toBeUndefined();
  });
});
