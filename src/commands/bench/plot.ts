import type { Spread } from './statistics.js';

/** A curve of a diagram. */
export interface Series {
  readonly name: string;
  readonly points: readonly { readonly x: number; readonly y: Spread }[];
}

/** A diagram. Axes are named with their units. */
export interface Diagram {
  readonly title: string;
  /** What it was measured on. */
  readonly machine: string;
  readonly x: string;
  readonly y: string;
  readonly series: readonly Series[];
}

const [width, height] = [640, 360];
const margin = { left: 64, right: 24, top: 64, bottom: 72 } as const;
const colours = ['#1f5fa8', '#b3261e', '#1b5e20'];

/** Draws curves as SVG: a line through the medians, and at each point a bar from the least to the greatest. */
export function drawDiagram({ title, machine, x: xName, y: yName, series }: Diagram): string {
  const points = series.flatMap((one) => one.points);
  const xs = [...new Set(points.map(({ x }) => x))].sort((one, other) => one - other);
  const [from, to] = [Math.min(...xs), Math.max(...xs)];
  const ticks = ticksUpTo(Math.max(...points.map(({ y }) => y.max)));
  const most = ticks.at(-1) ?? 1;
  const across = (x: number): string =>
    (margin.left + (to === from ? 0.5 : (x - from) / (to - from)) * innerWidth).toFixed(1);
  const up = (y: number): string => (height - margin.bottom - (y / most) * innerHeight).toFixed(1);
  const base = height - margin.bottom;
  const parts = [
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    text(margin.left, 24, title, 'font-size="14" font-weight="600"'),
    ...ticks.map(
      (tick) =>
        `<path d="M${margin.left} ${up(tick)}H${width - margin.right}" stroke="#ddd"/>` +
        text(margin.left - 8, Number(up(tick)) + 4, String(tick), 'text-anchor="end"'),
    ),
    ...xs.map((x) => text(Number(across(x)), base + 18, String(x), 'text-anchor="middle"')),
    text(margin.left + innerWidth / 2, base + 38, xName, 'text-anchor="middle"'),
    text(margin.left, 44, yName, ''),
    ...series.flatMap(({ name, points: own }, index) => {
      const colour = colours[index % colours.length] ?? '#000';
      const line = own.map(({ x, y }) => `${across(x)},${up(y.median)}`).join(' ');
      return [
        `<polyline points="${line}" fill="none" stroke="${colour}" stroke-width="2"/>`,
        ...own.map(
          ({ x, y }) =>
            `<path d="M${across(x)} ${up(y.min)}V${up(y.max)}" stroke="${colour}"/>` +
            `<circle cx="${across(x)}" cy="${up(y.median)}" r="3" fill="${colour}"/>`,
        ),
        ...(series.length > 1
          ? [text(width - margin.right, 24 + 18 * index, name, `text-anchor="end" fill="${colour}"`)]
          : []),
      ];
    }),
    text(margin.left, height - 12, machine, 'font-size="11" fill="#555"'),
  ];
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">\n${parts.join('\n')}\n</svg>\n`;
}

const innerWidth = width - margin.left - margin.right;
const innerHeight = height - margin.top - margin.bottom;

const text = (x: number, y: number, content: string, attributes: string): string =>
  `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${attributes}>${escaped(content)}</text>`;

const escaped = (content: string): string =>
  content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

/** Some five round numbers from 0 to the first that is not below `most`. */
function ticksUpTo(most: number): readonly number[] {
  const rough = Math.max(most, Number.MIN_VALUE) / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough) ?? power;
  return Array.from({ length: Math.ceil(most / step) + 1 }, (_, index) =>
    Number((index * step).toPrecision(6)),
  );
}
