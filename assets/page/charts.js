/* global uPlot */
import { at } from './elements.js';
import { duration, rate } from './wording.js';

/** Samples that are kept: five minutes of one a second, as the agent keeps them. */
const capacity = 300;
const height = 76;

let samples = [];
let charts = [];

const kinds = [
  { id: 'chart-throughput', series: [['postsPerSecond', '--accent']], label: rate },
  {
    id: 'chart-latency',
    series: [
      ['p50', '--accent'],
      ['p95', '--second'],
      ['p99', '--third'],
    ],
    label: duration,
  },
  { id: 'chart-lag', series: [['lagSeconds', '--accent']], label: duration },
];

function optionsOf({ series, label }, width) {
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(name).trim();
  const axis = {
    stroke: colour('--muted'),
    font: '11px system-ui, sans-serif',
    ticks: { show: false },
  };
  return {
    width,
    height,
    legend: { show: false },
    cursor: { show: false },
    padding: [6, 2, 6, 0],
    scales: {
      x: { time: true, range: (_chart, _first, last) => [last - capacity, last] },
      y: { range: (_chart, _least, most) => [0, Math.max(most ?? 0, 0.001) * 1.1] },
    },
    axes: [
      { show: false },
      {
        ...axis,
        grid: { stroke: colour('--line'), width: 1 },
        size: 46,
        gap: 4,
        space: 28,
        values: (_c, marks) => marks.map(label),
      },
    ],
    series: [
      {},
      ...series.map(([, name]) => ({
        stroke: colour(name),
        width: 1.5,
        points: { show: false },
        spanGaps: false,
      })),
    ],
  };
}

const dataOf = ({ series }) => [
  samples.map(({ at: seconds }) => seconds),
  ...series.map(([name]) => samples.map((sample) => sample[name])),
];

function drawAnew() {
  for (const { plot } of charts) plot.destroy();
  charts = kinds.map((kind) => {
    const place = at(kind.id);
    return { kind, place, plot: new uPlot(optionsOf(kind, place.clientWidth || 240), dataOf(kind), place) };
  });
  fit();
}

/** A closed panel has no width to draw in. */
function fit() {
  for (const { plot, place } of charts) {
    const width = place.clientWidth;
    if (width > 0 && width !== plot.width) plot.setSize({ width, height });
  }
}

export function beginCharts(history) {
  samples = [...history];
  drawAnew();
}

export function addSample(sample) {
  samples.push(sample);
  if (samples.length > capacity) samples.shift();
  at('no-lag').hidden = sample.lagSeconds !== null;
  at('chart-lag').hidden = sample.lagSeconds === null;
  if (document.hidden) return;
  for (const { kind, plot } of charts) plot.setData(dataOf(kind));
}

for (const { id } of kinds) new ResizeObserver(fit).observe(at(id));
// The colours are drawn, not styled.
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', drawAnew);
