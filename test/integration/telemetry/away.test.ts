import { afterEach, describe, expect, it } from 'vitest';
import { seededRng } from '../../../src/policy/seeded-rng.ts';
import { type SeparateProcesses, startSeparately } from '../../fixtures/separate-processes.ts';
import { expectEverythingThere, spooledBytes, surviveAway } from '../../fixtures/survive-away.ts';
import { startTelemetryLoad } from '../../fixtures/telemetry-load.ts';
import { waitFor } from '../../fixtures/wait-for.ts';

/** The soak test is away for minutes. */
const AWAY_MS = 10_000;
const BUDGET_BYTES = 600_000;
/** Of the budget, what events may take. */
const EVENTS_SHARE = 0.5;

let hosts: SeparateProcesses;
afterEach(() => hosts?.stop());

describe('ClickHouse away under load', () => {
  it.each(['killed', 'stopped in its tracks'] as const)(
    'because it was %s: no report is refused or lost, the spool grows and drains',
    async (how) => {
      hosts = await startSeparately();
      await surviveAway(hosts, { how, awayMs: AWAY_MS });
    },
    180_000,
  );

  it('until the disk budget is used up: then senders are told to come back, and everything acknowledged before and after is there', async () => {
    hosts = await startSeparately({ NARA_SPOOL_MAX_BYTES: String(BUDGET_BYTES) });
    const load = startTelemetryLoad(hosts, seededRng(2, 'load'), { rubbishShare: 0 });
    await waitFor('some load', () => load.outcomes.size > 10, 60_000);
    await hosts.killClickHouse();
    await waitFor('a sender to be put off', () => (load.repeated.get(503) ?? 0) > 20, 120_000);
    const view = { type: 'view_start', eventId: 'x', sessionId: 'x', assetId: 'x', ts: new Date().toISOString() };
    const url = `${hosts.url}/v1/telemetry?key=${hosts.browserKey}`;
    const refused = await fetch(url, { method: 'POST', body: JSON.stringify(view) });
    expect(refused.status).toBe(503);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await refused.json()).toMatchObject({ code: 'telemetry.full' });
    // A commit that began with room left is finished, however many shared it.
    expect(await spooledBytes(hosts)).toBeLessThan(BUDGET_BYTES * EVENTS_SHARE + 100_000);
    const full = load.answers();
    await hosts.startClickHouse();
    await waitFor('senders to be taken again', () => load.answers() > full + 100, 60_000);
    await expectEverythingThere(hosts, load);
    expect([...load.repeated.keys()]).toEqual([503]);
  }, 240_000);
});
