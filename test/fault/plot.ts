/** Points: minutes, and MiB. */
export type Curve = [minute: number, mebibytes: number][];

const width = 900;
const height = 360;
const left = 60;
const right = 20;
const top = 60;
const bottom = 50;

/** An agent's memory over time, with what happened to the agents meanwhile, as SVG. */
export function plot(
  title: string,
  memory: Curve,
  events: readonly { readonly minute: number; readonly name: string }[],
): string {
  const minutes = Math.max(1, ...memory.map(([minute]) => minute));
  const most = Math.ceil(Math.max(...memory.map(([, mebibytes]) => mebibytes)) / 100) * 100;
  const x = (minute: number): string => (left + (minute / minutes) * (width - left - right)).toFixed(1);
  const y = (mebibytes: number): string =>
    (height - bottom - (mebibytes / most) * (height - top - bottom)).toFixed(1);
  const line = memory.map(([minute, mebibytes]) => `${x(minute)},${y(mebibytes)}`).join(' ');
  const colours = new Map(
    [...new Set(events.map(({ name }) => name))].sort().map((name, index) => [name, index]),
  );
  const palette = ['#b3261e', '#7a5900', '#1f5fa8'];
  const colour = (name: string): string => palette[colours.get(name) ?? 0] ?? '#555';
  const steps = Array.from({ length: most / 100 + 1 }, (_, index) => 100 * index);
  const ticks = Array.from({ length: Math.floor(minutes / 5) + 1 }, (_, index) => 5 * index);
  const parts = [
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    `<text x="${left}" y="22" font-weight="600">Memory of the agent that was not killed (MiB of RSS)</text>`,
    ...steps.map(
      (step) =>
        `<path d="M${left} ${y(step)}H${width - right}" stroke="#ddd"/>` +
        `<text x="${left - 8}" y="${y(step)}" dy="4" text-anchor="end">${step}</text>`,
    ),
    ...ticks.map(
      (tick) => `<text x="${x(tick)}" y="${height - bottom + 18}" text-anchor="middle">${tick} min</text>`,
    ),
    ...events.map(
      ({ minute, name }) =>
        `<path d="M${x(minute)} ${top}V${height - bottom}" stroke="${colour(name)}" opacity=".6"/>`,
    ),
    ...[...colours.keys()].map(
      (name, index) => `<text x="${left + 180 * index}" y="44" fill="${colour(name)}">| ${name}</text>`,
    ),
    `<polyline points="${line}" fill="none" stroke="#1b5e20" stroke-width="1.5"/>`,
    `<text x="${left}" y="${height - 10}" font-size="11">${title}</text>`,
  ];
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">\n${parts.join('\n')}\n</svg>\n`;
}
