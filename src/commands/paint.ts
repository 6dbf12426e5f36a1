import { styleText } from 'node:util';

/** What a part of the output is, for its colour. */
export type Style = 'name' | 'bar' | 'good' | 'bad' | 'aside';
export type Paint = (style: Style, text: string) => string;

const colours = { name: 'bold', bar: 'cyan', good: 'green', bad: 'red', aside: 'dim' } as const;

/** Colours for a terminal, unless `NO_COLOR` forbids them (no-color.org); for files and pipes none. */
export function paintFor(stream: { readonly isTTY?: boolean }): Paint {
  const coloured = stream.isTTY === true && (process.env['NO_COLOR'] ?? '') === '';
  return coloured ? (style, text) => styleText(colours[style], text) : (_style, text) => text;
}
