import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { busyMetrics } from '../../dashboards/fixtures/busy-metrics.ts';
import { promQueries } from '../../dashboards/fixtures/dashboard-queries.ts';

const directory = fileURLToPath(new URL('../../../dashboards/prometheus/', import.meta.url));
const promtool = (args: string[], input = '') => {
  const { status, stdout, stderr } = spawnSync('promtool', args, { cwd: directory, input, encoding: 'utf8' });
  return { status, output: `${stdout}${stderr}` };
};
const hasPromtool = promtool(['--version']).status === 0;
const PASSED = expect.objectContaining({ status: 0 });

describe.runIf(hasPromtool)('promtool (skipped where Debian’s `prometheus` is not installed)', () => {
  let temporary: string;
  beforeAll(() => {
    temporary = mkdtempSync(join(tmpdir(), 'nara-promtool-'));
  });
  afterAll(() => rmSync(temporary, { recursive: true }));

  it('accepts the scrape configuration', () => {
    expect(promtool(['check', 'config', 'prometheus.yml'])).toEqual(PASSED);
  });

  it('accepts the alert rules', () => {
    expect(promtool(['check', 'rules', 'rules.yml'])).toEqual(PASSED);
  });

  it('sees the alarms go off when they should and not on a handful of samples', () => {
    expect(promtool(['test', 'rules', 'rules.test.yml'])).toEqual(PASSED);
  });

  it('finds nothing wrong with the names of our metrics', async () => {
    const { text } = await busyMetrics().render();
    expect(promtool(['check', 'metrics'], text)).toEqual({ status: 0, output: '' });
  });

  it('parses the expression of every panel', () => {
    const rules = promQueries().map(({ text }, index) => ({
      record: `panel:${index}`,
      expr: text.replaceAll('$__rate_interval', '1m'),
    }));
    const path = join(temporary, 'panels.yml');
    // JSON is YAML.
    writeFileSync(path, JSON.stringify({ groups: [{ name: 'panels', rules }] }));
    expect(promtool(['check', 'rules', path])).toEqual(PASSED);
    expect(rules.length).toBeGreaterThan(0);
  });
});
