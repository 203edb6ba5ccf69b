import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { MIN_PLAYS } from '../../src/telemetry/qoe-intervals.ts';
import { QOE_METRICS, type QoeMetric, qoeMetric } from '../../src/telemetry/qoe-metrics.ts';
import { STARTUP_QUANTILES } from '../../src/telemetry/startup-quantiles.ts';

const page = readFileSync(new URL('../../docs/metrics.md', import.meta.url), 'utf8');

describe('docs/metrics.md', () => {
  it.each<QoeMetric>(QOE_METRICS)(
    'says of $name what the list says',
    ({ name, title, unit, definition, caveat, source }) => {
      const words = caveat === undefined ? definition : `${definition} ${caveat}`;
      expect(page).toContain(`| \`${name}\` | ${title} | ${unit} | ${words} | ${source} |`);
    },
  );

  it('tells of no metric that is none', () => {
    const told = [...page.matchAll(/^\| `(\w+)` \| .* \| .* \| .* \| .* \|$/gm)].map(([, name]) => name);
    expect(told).toEqual([...QOE_METRICS.map(({ name }) => name), 'reward']);
  });

  it('names the startup quantiles and the gate', () => {
    for (const name of Object.keys(STARTUP_QUANTILES)) expect(page).toContain(`\`${name}\``);
    expect(page).toContain(`\`enough\` is true from ${MIN_PLAYS} plays`);
  });
});

describe('the list', () => {
  it('names every metric once, as a word that SQL takes for a column', () => {
    expect(new Set(QOE_METRICS.map(({ name }) => name)).size).toBe(QOE_METRICS.length);
    for (const { name } of QOE_METRICS) expect(name).toMatch(/^[a-z][a-zA-Z]+$/);
  });

  it('counts views where it calls itself a proportion', () => {
    for (const { kind, denominator } of QOE_METRICS) if (kind === 'proportion') expect(denominator).toBe('1');
  });

  it('is asked by name', () => {
    expect(qoeMetric('stallRatio').unit).toBe('ratio');
    expect(() => qoeMetric('nothing' as 'stallRatio')).toThrow('no metric nothing');
  });
});
