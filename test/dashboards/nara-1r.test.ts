import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { nara1r } from '../../dashboards/nara-1r.ts';
import { renderDashboards } from '../../dashboards/render.ts';
import { panels, promQueries, sqlQueries } from './fixtures/dashboard-queries.ts';

const generated = (name: string): string => readFileSync(new URL(`../../dashboards/${name}`, import.meta.url), 'utf8');

const charts = panels().filter(({ type }) => type !== 'row');

describe('the generated dashboards', () => {
  it.each(Object.entries(renderDashboards()))('are current: %s (else run `npm run dashboards`)', (name, json) => {
    expect(generated(name)).toBe(json);
  });

  it('come out the same every time', () => {
    expect(renderDashboards()).toEqual(renderDashboards());
  });
});

describe('the dashboard', () => {
  it('has its rows in their order', () => {
    const rows = panels().filter(({ type }) => type === 'row');
    expect(rows.map(({ title }) => title)).toEqual([
      'Viewers’ experience',
      'Learned against held baseline',
      'Encoding by what was learned',
      'Pipeline',
    ]);
  });

  it('cannot be edited in Grafana, where changes would be lost', () => {
    expect(nara1r().editable).toBe(false);
  });

  it('says title, description and unit on every panel', () => {
    for (const panel of charts) {
      expect(panel.title).not.toBe('');
      expect(panel.description, panel.title).toMatch(/\.$/);
      expect(panel, panel.title).toHaveProperty('fieldConfig.defaults.unit');
    }
  });

  it('has no two panels of one title or one id', () => {
    expect(new Set(charts.map(({ title }) => title)).size).toBe(charts.length);
    expect(new Set(panels().map(({ id }) => id)).size).toBe(panels().length);
  });

  it('lets no two panels overlap', () => {
    const cells = panels().flatMap(({ gridPos }) => {
      const { x, y, w, h } = gridPos as Record<'x' | 'y' | 'w' | 'h', number>;
      return Array.from({ length: w * h }, (_, index) => `${x + (index % w)},${y + Math.floor(index / w)}`);
    });
    expect(new Set(cells).size).toBe(cells.length);
  });

  it('names its data sources by variable, so that it can be moved', () => {
    const uids = [...JSON.stringify(nara1r()).matchAll(/"uid":"([^"]*)"/g)].map(([, uid]) => uid);
    expect(new Set(uids)).toEqual(new Set(['nara-1r', `\${clickhouse}`, `\${prometheus}`]));
  });

  it('marks changes of policy', () => {
    expect(nara1r().annotations.list?.map(({ name, enable }) => [name, enable])).toEqual([
      ['Policy configs', true],
      ['Allocations', false],
    ]);
  });
});

describe('its questions', () => {
  it.each(sqlQueries())('tell no viewer or video apart: $where', ({ text }) => {
    expect(text).not.toMatch(/session_id|asset_id|view_id AS/);
  });

  it.each(sqlQueries().filter(({ kind }) => kind !== 'variable' && kind !== 'annotation'))(
    'follow the chosen time range, regions and devices: $where',
    ({ text }) => {
      expect(text).toContain('$__timeFilter(view_at)');
      expect(text).toContain(`$__conditionalAll(region IN (\${region:singlequote}), $region)`);
      expect(text).toContain(`$__conditionalAll(device IN (\${device:singlequote}), $device)`);
    },
  );

  it.each(promQueries())('take rates over $__rate_interval and of counters only: $where', ({ text }) => {
    for (const [, range] of text.matchAll(/\[([^\]]+)\]/g)) expect(range).toBe('$__rate_interval');
    const withoutRates = text.replace(/(rate|increase)\([^()]*\)/g, '');
    expect(withoutRates).not.toMatch(/_(total|count|sum|bucket)\b/);
    for (const [, name] of text.matchAll(/(?:rate|increase)\((\w+)/g)) expect(name).toMatch(/_(total|count|bucket)$/);
  });
});
