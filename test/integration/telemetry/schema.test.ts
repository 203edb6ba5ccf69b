import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startEmbeddedClickHouse } from '../../../src/clickhouse/start.ts';
import { createDatabase, type Database } from '../../../src/telemetry/database.ts';
import { FOLD_ALL_SQL } from '../../../src/telemetry/outcome-fold.ts';
import { readDirtyHours } from '../../../src/telemetry/rollups-dirty.ts';
import { migrate } from '../../../src/telemetry/schema/migrate.ts';
import { MIGRATIONS } from '../../../src/telemetry/schema/migrations.ts';
import { ddlStatements, renderDdl } from '../../../src/telemetry/schema/render-ddl.ts';
import { scoredViewsSelect } from '../../../src/telemetry/schema/scored-views.ts';
import { decisionRow, eventRow } from './fixtures/applied-segments.ts';
import { FORMER_SCHEMA } from './fixtures/former-schema.ts';

let dataDir: string;
let server: Awaited<ReturnType<typeof startEmbeddedClickHouse>>;
const databases: Database[] = [];

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'nara-schema-'));
  server = await startEmbeddedClickHouse({
    dataDir,
    host: '127.0.0.1',
    port: 0,
    password: 'test',
    maxMemoryBytes: 2 * 1024 ** 3,
    log: pino({ level: 'silent' }),
  });
});
afterAll(async () => {
  await Promise.all(databases.map((database) => database.close()));
  await server.stop();
  await rm(dataDir, { recursive: true, force: true });
});

/** An empty database of its own. */
async function newDatabase(name: string): Promise<Database> {
  const database = createDatabase(`http://default:test@127.0.0.1:${server.port}/${name}`);
  const root = createDatabase(`http://default:test@127.0.0.1:${server.port}`);
  databases.push(database, root);
  await root.command(`CREATE DATABASE ${name}`);
  return database;
}

const columnsOf = (database: Database) =>
  database.query<{ table: string; name: string; type: string; position: number }>(
    'SELECT table, name, type FROM system.columns WHERE database = currentDatabase() ORDER BY table, name',
  );

const clips = { stallRatioClip: 0.5, startupClipSeconds: 10, switchesPerMinuteClip: 10 };
const HOUR_MS = 3_600_000;
const HOUR_AGO_MS = Math.floor(Date.now() / HOUR_MS) * HOUR_MS - HOUR_MS;

describe('a database made by an earlier version', () => {
  it('migrates forward with its rows, and its hours wait to be rolled up', async () => {
    const former = await newDatabase('former');
    for (const statement of FORMER_SCHEMA) await former.command(statement);
    const { block: _, ...decision } = decisionRow('kept', HOUR_AGO_MS);
    await former.insertRows('decisions', [{ segment: 'old', ...decision }]);
    await former.insertRows('events', [
      { segment: 'old', ...eventRow('kept', 'e', HOUR_AGO_MS, { played_ms: 5000, rung_ms: { low: 5000 } }) },
    ]);
    await former.command(
      `INSERT INTO view_outcomes (view_id, first_received_at, last_received_at, started, played_ms, rung_ms, event_rows)
       SELECT view_id, received_at, received_at, true, played_ms, rung_ms, 1 FROM events`,
    );
    const known = [1, 2, 3];
    expect(await migrate(former)).toEqual(
      MIGRATIONS.map(({ version }) => version).filter((each) => !known.includes(each)),
    );
    const [view] = await former.query('SELECT view_id, class, arm, quality_ms, implausible FROM scored_views');
    expect(view).toEqual({
      view_id: 'kept',
      class: 'started',
      arm: 'baseline',
      quality_ms: 300_000,
      implausible: false,
    });
    expect(await readDirtyHours(former, { clips })).toEqual([new Date(HOUR_AGO_MS)]);
    await former.command(FOLD_ALL_SQL);
    expect(await former.query('SELECT view_id, played_ms FROM scored_views')).toEqual([
      { view_id: 'kept', played_ms: 5000 },
    ]);

    const fresh = await newDatabase('fresh');
    expect(await migrate(fresh)).toEqual(MIGRATIONS.map(({ version }) => version));
    expect(await columnsOf(former)).toEqual(await columnsOf(fresh));
  });

  it('is left alone when nothing changed, and gets back a view or a roll-up column that is missing or not of this version', async () => {
    const database = await newDatabase('again');
    await migrate(database);
    const before = await columnsOf(database);
    const statements: string[] = [];
    const watched = { query: database.query, command: async (sql: string) => void statements.push(sql) };
    expect(await migrate(watched)).toEqual([]);
    expect(statements.filter((sql) => !sql.startsWith('CREATE TABLE IF NOT EXISTS'))).toEqual([]);
    await database.command("CREATE OR REPLACE VIEW scored_views AS SELECT 1 AS one COMMENT 'of another version'");
    await database.command('ALTER TABLE hour_rollups DROP COLUMN views');
    expect(await migrate(database)).toEqual([]);
    expect(await columnsOf(database)).toEqual(before);
  });
});

describe('the schema as text', () => {
  it('is accepted by the engine’s parser for a cluster, statement by statement, and says that it was not executed', async () => {
    const database = await newDatabase('parsed');
    const statements = ddlStatements({ kind: 'cluster', cluster: 'video' });
    for (const statement of statements.filter((sql) => !sql.startsWith('INSERT'))) {
      const ast = await database.query<{ explain: string }>(`EXPLAIN AST ${statement}`);
      expect(ast.length, statement).toBeGreaterThan(1);
      expect(statement).toContain("ON CLUSTER 'video'");
    }
    const text = renderDdl({ kind: 'cluster', cluster: 'video' });
    expect(text).toContain('Validated, not executed');
    expect(text).toContain(
      "ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}', event_rows)",
    );
    expect(text).toContain("CREATE TABLE IF NOT EXISTS events_local ON CLUSTER 'video'");
    expect(text).toMatch(
      /TABLE events ON CLUSTER 'video' AS events_local\nENGINE = Distributed\('video', .*cityHash64\(view_id\)\)/,
    );
  });

  it('rejects what is no DDL: the parser is a test that can fail', async () => {
    const database = await newDatabase('refused');
    await expect(
      database.query('EXPLAIN AST CREATE TABLE t (a UInt8) ENGINE = MergeTree ORDERED BY a'),
    ).rejects.toThrow(/SYNTAX/i);
  });

  it('is what a server of its own is given', async () => {
    const database = await newDatabase('rendered');
    for (const statement of ddlStatements({ kind: 'single' })) await database.command(statement);
    const migrated = await newDatabase('migrated');
    await migrate(migrated);
    expect(await columnsOf(database)).toEqual(await columnsOf(migrated));
  });
});

describe('the views of a scope', () => {
  it('are the rows that the whole view has of them: by time, by hour, by id and since a day', async () => {
    const database = await newDatabase('scoped');
    await migrate(database);
    const at = (minutes: number): number => HOUR_AGO_MS + minutes * 60_000;
    await database.insertRows(
      'decisions',
      [
        decisionRow('decided', at(-5)),
        decisionRow('both', at(5)),
        decisionRow('both-late', at(-90)),
        // Decided twice: the first stands, and what is known of renditions is known together.
        decisionRow('twice', at(-30), { arm: 'other', throughput_kbps: 900, rendition_quality: { low: 50 } }),
        decisionRow('twice', at(10)),
      ].map((row) => ({ segment: 's', ...row })),
    );
    const progress = { played_ms: 60_000, rung_ms: { low: 20_000, high: 40_000 } };
    await database.insertRows(
      'events',
      [
        eventRow('both', 'e', at(7), progress),
        eventRow('both-late', 'e', at(20), progress),
        eventRow('heard', 'e', at(30), progress),
        eventRow('twice', 'e', at(12), progress),
      ].map((row) => ({ segment: 's', ...row })),
    );
    await database.command(FOLD_ALL_SQL);
    const rows = (source: string, where = 'true') =>
      database.query<{ view_id: string }>(`SELECT * FROM ${source} WHERE ${where} ORDER BY view_id`);
    const whole = await rows('scored_views');
    expect(whole.map(({ view_id }) => view_id)).toEqual(['both', 'both-late', 'decided', 'heard', 'twice']);
    const [twice] = whole.filter(({ view_id }) => view_id === 'twice');
    expect(twice).toMatchObject({ arm: 'other', throughput_kbps: 900, quality_ms: 20_000 * 60 + 40_000 * 95 });

    const of = (ids: string[]) => whole.filter(({ view_id }) => ids.includes(view_id));
    const inHour = { from: new Date(at(0)), to: new Date(at(60)) };
    expect(await rows(`(${scoredViewsSelect(inHour)})`)).toEqual(of(['both', 'heard']));
    expect(await rows(`(${scoredViewsSelect({ hours: [new Date(at(-60)), new Date(at(-120))] })})`)).toEqual(
      of(['decided', 'twice', 'both-late']),
    );
    expect(await rows(`(${scoredViewsSelect({ viewIds: ['twice', "no'one"] })})`)).toEqual(of(['twice']));
    expect(await rows(`(${scoredViewsSelect({ viewIds: [] })})`)).toEqual([]);
    expect(await rows(`(${scoredViewsSelect({ hours: [] })})`)).toEqual([]);
    expect(await rows(`(${scoredViewsSelect({ decidedSince: new Date(at(-60)) })})`)).toEqual(
      of(['both', 'decided', 'twice']),
    );
  });

  it('are implausible where an untrusted reporter claims more time than passed since the decision', async () => {
    const database = await newDatabase('plausible');
    await migrate(database);
    const claims: [string, number, Record<string, unknown>][] = [
      ['honest', 120_000, {}],
      ['liar', 3_000_000, {}],
      ['staller', 60_000, { stalled_ms: 3_000_000 }],
      ['simulated', 3_000_000, { trusted: true }],
    ];
    await database.insertRows(
      'decisions',
      claims.map(([id]) => ({ segment: 's', ...decisionRow(id, HOUR_AGO_MS) })),
    );
    const told = (id: string, played_ms: number, of: Record<string, unknown>) =>
      eventRow(id, 'e', HOUR_AGO_MS + 100_000, { played_ms, ...of });
    await database.insertRows(
      'events',
      [...claims.map((claim) => told(...claim)), told('undecided', 3_000_000, {})].map((row) => ({
        segment: 's',
        ...row,
      })),
    );
    await database.command(FOLD_ALL_SQL);
    expect(await database.query('SELECT view_id FROM scored_views WHERE implausible ORDER BY view_id')).toEqual([
      { view_id: 'liar' },
      { view_id: 'staller' },
    ]);
  });
});
