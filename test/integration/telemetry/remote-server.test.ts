import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { seededRng } from '../../../src/policy/seeded-rng.ts';
import type { Audit } from '../../../src/telemetry/account.ts';
import { createDatabase, type Database } from '../../../src/telemetry/database.ts';
import { waitUntilShipped } from '../../fixtures/chaos.ts';
import { expectAcknowledged } from '../../fixtures/expect-acknowledged.ts';
import { type SeparateProcesses, startSeparately } from '../../fixtures/separate-processes.ts';
import { startTelemetryLoad } from '../../fixtures/telemetry-load.ts';
import { waitFor } from '../../fixtures/wait-for.ts';

/*
 * The server here is `nara clickhouse` on a host of its own, known by URL and password alone: what an API sends it crosses HTTP
 * as a stream. A ClickHouse of this decade cannot be installed where these tests run.
 */

let hosts: SeparateProcesses;
let database: Database;
beforeAll(async () => {
  hosts = await startSeparately();
  database = createDatabase(hosts.clickhouseUrl);
});
afterAll(async () => {
  await database?.close();
  await hosts?.stop();
});

describe('an API whose ClickHouse is elsewhere', () => {
  it('gets everything there, and everything derived agrees with what was acknowledged', async () => {
    const load = startTelemetryLoad(hosts, seededRng(1, 'load'));
    await waitFor('some load', () => load.outcomes.size > 40, 60_000);
    await load.stop();
    await waitUntilShipped(hosts);
    await expectAcknowledged(database, load);
    const { body } = await hosts.call<Audit>('GET', '/v1/telemetry/audit');
    expect(body).toMatchObject({ balanced: true, waiting: 0, distinctEvents: expect.any(Number) });
    expect(body.stored).toBeGreaterThan(300);
  });

  it('shares no file with it: what was shipped is gone here, and nothing of it landed there but in the database', async () => {
    const left = await readdir(join(hosts.apiDirectory, 'spool', 'events'));
    expect(left.filter((name) => /\.(ndjson|open)$/.test(name))).toEqual([]);
    expect(await readdir(join(hosts.directory, 'clickhouse-host', 'clickhouse', 'incoming'))).toEqual([]);
  });

  it('learns from what is there', async () => {
    const { status, body } = await hosts.call<{ views: { matured: number } }>('POST', '/v1/policy/learn', {});
    expect([status, body.views.matured]).toEqual([200, expect.any(Number)]);
  });

  it('is let in by its password only', async () => {
    const stranger = createDatabase(hosts.clickhouseUrl.replace(/:[^:@/]+@/, ':guessed@'));
    await expect(stranger.query('SELECT 1')).rejects.toThrow(/Authentication failed/);
    await stranger.close();
  });
});
