import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { promQueries } from '../../dashboards/fixtures/dashboard-queries.ts';
import { waitFor } from '../../fixtures/wait-for.ts';
import { type ScrapingPrometheus, startScrapingPrometheus } from './fixtures/scraping-prometheus.ts';

const hasPrometheus = spawnSync('prometheus', ['--version']).status === 0;
/** Enough for two scrapes, which every rate needs. */
const RATE_INTERVAL = '30s';

describe.runIf(hasPrometheus)('a Prometheus that scrapes the API (skipped where it is not installed)', () => {
  let prometheus: ScrapingPrometheus;
  beforeAll(async () => {
    prometheus = await startScrapingPrometheus();
  });
  afterAll(() => prometheus.stop());

  it.each(promQueries())('answers $where', async ({ text }) => {
    const promQl = text.replaceAll('$__rate_interval', RATE_INTERVAL);
    expect(await waitFor(`rows of ${promQl}`, () => prometheus.count(promQl), 20_000)).toBeGreaterThan(0);
  });
});
