import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { seededRng } from '../../../src/policy/seeded-rng.ts';
import type { Audit } from '../../../src/telemetry/account.ts';
import { createDatabase } from '../../../src/telemetry/database.ts';
import { waitUntilShipped } from '../../fixtures/chaos.ts';
import { expectAcknowledged } from '../../fixtures/expect-acknowledged.ts';
import { type SeparateProcesses, startSeparately } from '../../fixtures/separate-processes.ts';
import { startTelemetryLoad, type TelemetryLoad } from '../../fixtures/telemetry-load.ts';
import { waitFor } from '../../fixtures/wait-for.ts';

/** The soak test is away for minutes. */
const AWAY_MS = 10_000;
const BUDGET_BYTES = 600_000;
/** Of the budget, what events may take. */
const EVENTS_SHARE = 0.5;

let hosts: SeparateProcesses;
afterEach(() => hosts?.stop());

async function spooledBytes(): Promise<number> {
  const directory = join(hosts.apiDirectory, 'spool', 'events');
  const sizes = (await readdir(directory)).map((name) =>
    stat(join(directory, name)).then(
      ({ size }) => size,
      () => 0,
    ),
  );
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

async function expectEverythingThere(load: TelemetryLoad): Promise<void> {
  await load.stop();
  await waitUntilShipped(hosts);
  const database = createDatabase(hosts.clickhouseUrl);
  try {
    await expectAcknowledged(database, load);
  } finally {
    await database.close();
  }
  const { body } = await hosts.call<Audit>('GET', '/v1/telemetry/audit');
  expect(body).toMatchObject({ balanced: true, waiting: 0 });
}

describe('ClickHouse away under load', () => {
  it.each([
    ['killed', () => hosts.killClickHouse(), () => hosts.startClickHouse()],
    [
      'stopped in its tracks',
      async () => hosts.signalClickHouse('SIGSTOP'),
      async () => hosts.signalClickHouse('SIGCONT'),
    ],
  ])(
    'because it was %s: no report is refused or lost, the spool grows and drains',
    async (_how, leave, comeBack) => {
      hosts = await startSeparately();
      const load = startTelemetryLoad(hosts, seededRng(1, 'load'));
      await waitFor('some load', () => load.outcomes.size > 10, 60_000);
      await leave();
      const [before, until] = [load.answers(), Date.now() + AWAY_MS];
      await waitFor('it to have been away for a while', () => Date.now() > until);
      expect(load.answers()).toBeGreaterThan(before + 100);
      expect(await spooledBytes()).toBeGreaterThan(50_000);
      await comeBack();
      const back = load.answers();
      await waitFor('some more load', () => load.answers() > back + 50, 60_000);
      await expectEverythingThere(load);
      expect([...load.repeated]).toEqual([]);
      expect(await spooledBytes()).toBeLessThan(1_000);
    },
    180_000,
  );

  it('until the disk budget is used up: then senders are told to come back, and everything acknowledged before and after is there', async () => {
    hosts = await startSeparately({ NARA_SPOOL_MAX_BYTES: String(BUDGET_BYTES) });
    const load = startTelemetryLoad(hosts, seededRng(2, 'load'), { rubbishShare: 0 });
    await waitFor('some load', () => load.outcomes.size > 10, 60_000);
    await hosts.killClickHouse();
    await waitFor('a sender to be put off', () => (load.repeated.get(503) ?? 0) > 20, 120_000);
    const refused = await fetch(`${hosts.url}/v1/telemetry?key=${hosts.browserKey}`, {
      method: 'POST',
      body: JSON.stringify({
        type: 'view_start',
        eventId: 'x',
        sessionId: 'x',
        assetId: 'x',
        ts: new Date().toISOString(),
      }),
    });
    expect(refused.status).toBe(503);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await refused.json()).toMatchObject({ code: 'telemetry.full' });
    // A commit that began with room left is finished, however many shared it.
    expect(await spooledBytes()).toBeLessThan(BUDGET_BYTES * EVENTS_SHARE + 100_000);
    const full = load.answers();
    await hosts.startClickHouse();
    await waitFor('senders to be taken again', () => load.answers() > full + 100, 60_000);
    await expectEverythingThere(load);
    expect([...load.repeated.keys()]).toEqual([503]);
  }, 240_000);
});
