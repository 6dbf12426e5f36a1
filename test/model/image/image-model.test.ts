import { describe, expect, it } from 'vitest';
import { imageTensors } from '../../../src/model/image/image-model.js';

describe('the tensor of a batch of images', () => {
  it('lay images one after the other', () => {
    const { pixels } = imageTensors([new Uint8Array(12).fill(1), new Uint8Array(12).fill(2)], 2);
    expect(pixels?.shape).toEqual([2, 2, 2, 3]);
    expect([...(pixels?.data as Uint8Array)]).toEqual([
      ...Array<number>(12).fill(1),
      ...Array<number>(12).fill(2),
    ]);
  });

  it('refuse an image of another size', () => {
    expect(() => imageTensors([new Uint8Array(11)], 2)).toThrow('an image has 11 bytes, not 2 x 2 x 3');
  });
});
