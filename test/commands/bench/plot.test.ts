import { describe, expect, it } from 'vitest';
import { drawDiagram } from '../../../src/commands/bench/plot.js';

const point = (x: number, median: number) => ({ x, y: { median, min: median - 1, max: median + 1 } });
const diagram = {
  title: 'Throughput over workers',
  machine: 'a machine, 2 processors <of two>',
  x: 'workers',
  y: 'posts a second',
  series: [{ name: 'text', points: [point(1, 100), point(2, 190)] }],
};

describe('a diagram', () => {
  const svg = drawDiagram(diagram);

  it('has its title, the names of its axes with their units, and the machine', () => {
    for (const text of [
      'Throughput over workers',
      '>workers<',
      '>posts a second<',
      'a machine, 2 processors',
    ])
      expect(svg).toContain(text);
  });

  it('has a point for each figure, a line through them and a bar for the spread', () => {
    expect(svg.match(/<circle /g)).toHaveLength(2);
    expect(/<polyline points="([^"]*)"/.exec(svg)?.[1]?.split(' ')).toHaveLength(2);
    expect(svg.match(/<path d="M[\d.]+ [\d.]+V[\d.]+"/g)).toHaveLength(2);
  });

  it('draws more higher up, and further to the right', () => {
    const [first, second] = [...svg.matchAll(/<circle cx="([\d.]+)" cy="([\d.]+)"/g)].map(([, x, y]) => ({
      x: Number(x),
      y: Number(y),
    }));
    expect(second!.x).toBeGreaterThan(first!.x);
    expect(second!.y).toBeLessThan(first!.y);
  });

  it('counts its axis from 0 beyond the greatest figure, in round steps', () => {
    expect([...svg.matchAll(/text-anchor="end">(\d+)</g)].map(([, tick]) => Number(tick))).toEqual([
      0, 50, 100, 150, 200,
    ]);
  });

  it('names its curves where there are several', () => {
    const two = drawDiagram({
      ...diagram,
      series: ['p50', 'p99'].map((name) => ({ ...diagram.series[0]!, name })),
    });
    expect(two).toContain('>p50<');
    expect(two).toContain('>p99<');
    expect(svg).not.toContain('>text<');
  });

  it('is XML, whatever the machine is called', () => {
    expect(svg).toContain('2 processors &lt;of two&gt;');
    expect(svg).not.toContain('NaN');
  });

  it('can have one point alone', () => {
    expect(drawDiagram({ ...diagram, series: [{ name: '', points: [point(1, 5)] }] })).not.toContain('NaN');
  });
});
