import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { busyMetrics } from './fixtures/busy-metrics.ts';
import { promQueries } from './fixtures/dashboard-queries.ts';

/** Series names and their labels as the API process exposes them, after everything has happened once. */
async function exposedSeries(): Promise<Map<string, Set<string>>> {
  const { text } = await busyMetrics().render();
  const series = new Map<string, Set<string>>();
  // What Prometheus itself adds, and what exists only once something has failed.
  series.set('up', new Set(['job', 'instance']));
  series.set('nara_gauge_failures_total', new Set(['job', 'instance', 'gauge']));
  for (const line of text.split('\n')) {
    const type = /^# TYPE (\w+) (\w+)/.exec(line);
    if (type?.[1] !== undefined && type[2] !== 'histogram' && !series.has(type[1]))
      series.set(type[1], new Set(['job', 'instance']));
    const sample = /^(\w+)(?:\{(.*)\})? /.exec(line);
    if (sample?.[1] === undefined || line.startsWith('#')) continue;
    const labels = [...(sample[2] ?? '').matchAll(/(\w+)="/g)].map(([, label]) => label ?? '');
    series.set(sample[1], new Set(['job', 'instance', ...labels]));
  }
  return series;
}

/** The series an expression asks for, and the labels it expects of them. */
function asked(promQl: string): { names: string[]; labels: string[] } {
  const names = [...promQl.matchAll(/\b((?:nara|process|nodejs)_\w+|up)\b/g)].map(([, name]) => name ?? '');
  const grouped = [...promQl.matchAll(/by \(([^)]*)\)/g)].flatMap(([, list = '']) => list.split(', '));
  const matched = [...promQl.matchAll(/\{([^}]*)\}/g)].flatMap(([, list = '']) =>
    [...list.matchAll(/(\w+)[=!]/g)].map(([, label]) => label ?? ''),
  );
  return { names, labels: [...grouped, ...matched] };
}

const rules = readFileSync(new URL('../../dashboards/prometheus/rules.yml', import.meta.url), 'utf8');
const ruleQueries = [...rules.matchAll(/alert: (\w+)\n\s+expr: (?:\|\n((?: {10}.*\n)+)|(.*)\n)/g)].map(
  ([, where = '', block, line]) => ({ where, text: block ?? line ?? '' }),
);

describe('every expression', () => {
  it('is found in the rules file', () => {
    expect(ruleQueries.length).toBe([...rules.matchAll(/alert:/g)].length);
  });

  it.each([...promQueries(), ...ruleQueries])('asks for series and labels that exist: $where', async ({ text }) => {
    const exposed = await exposedSeries();
    const { names, labels } = asked(text);
    expect(names).not.toHaveLength(0);
    const known = new Set(names.flatMap((name) => [...(exposed.get(name) ?? [`no series ${name}`])]));
    expect([...known].filter((label) => label.startsWith('no series'))).toEqual([]);
    for (const label of labels) expect(known).toContain(label);
  });
});
