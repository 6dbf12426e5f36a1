import { describe, expect, it } from 'vitest';
import { loadPage, securityHeaders } from '../../src/web/page.js';

const page = new Map(loadPage().map(({ path, body }) => [path, body.toString()]));
const html = page.get('/') ?? expect.fail();
const scripts = [...page].filter(([path]) => path.endsWith('.js') && path !== '/uplot.js');
const script = scripts.map(([, text]) => text).join('\n');

describe('the page', () => {
  it('refers only to files that are served with it', () => {
    const references = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path]) => path ?? '');
    const elsewhere = new Set(['/metrics', '/readyz', '/healthz']);
    expect(references).toContain('/page.js');
    const own = references.filter((path) => !path.startsWith('#'));
    for (const path of own) expect(page.has(path) || elsewhere.has(path), path).toBe(true);
    const imports = [...script.matchAll(/from '\.([^']+)'|import '\.([^']+)'/g)].map(
      ([, a, b]) => a ?? b ?? '',
    );
    expect(imports.length).toBeGreaterThan(10);
    for (const path of imports) expect(page.has(path), path).toBe(true);
  });

  it('keeps to its own policy: nothing inline', () => {
    expect(securityHeaders['content-security-policy']).not.toContain('unsafe');
    expect(html).not.toMatch(/<style|style=|<script(?![^>]*src=)|\son\w+=/);
  });

  it('never turns a text into markup', () => {
    expect(page.get('/uplot.js')).toContain('uPlot');
    expect(`${script}${page.get('/uplot.js')}`).not.toMatch(
      /innerHTML|outerHTML|insertAdjacentHTML|document\.write|setHTML|DOMParser|eval\(/,
    );
  });

  it('has every element that its script looks for', () => {
    const wanted = [...script.matchAll(/\bat\('([^']+)'\)/g)].map(([, id]) => id ?? '');
    expect(wanted.length).toBeGreaterThan(5);
    for (const id of wanted) expect(html, id).toContain(`id="${id}"`);
  });
});
