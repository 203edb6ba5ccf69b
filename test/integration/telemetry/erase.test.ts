import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ErasureSubject, eraseFromDatabase, type HashSubject } from '../../../src/telemetry/erase.ts';
import { qoeAggregates, ROLLUP_KEYS } from '../../../src/telemetry/qoe-aggregates.ts';
import { ROLLUPS_SELECT, rebuildRollups } from '../../../src/telemetry/rollups.ts';
import { readDirtyHours } from '../../../src/telemetry/rollups-dirty.ts';
import { startTestDatabase, type TestDatabase } from '../../fixtures/clickhouse.ts';
import { apply, applySteps, decisionRow, eventRow, type TestSegment, timeText } from './fixtures/applied-segments.ts';

let engine: TestDatabase;
beforeAll(async () => {
  engine = await startTestDatabase();
});
afterAll(() => engine.stop());

const clips = { stallRatioClip: 0.5, startupClipSeconds: 10, switchesPerMinuteClip: 10 };
const hashSubject: HashSubject = (kind, id) =>
  createHmac('sha256', 'key').update(`${kind} ${id}`).digest('hex').slice(0, 32);
const HOUR_MS = 3_600_000;
const START_MS = Math.floor(Date.now() / HOUR_MS) * HOUR_MS - 5 * HOUR_MS;
const TABLES = ['events', 'decisions', 'view_outcomes', 'dead_letters'];

const erase = (subject: ErasureSubject) =>
  eraseFromDatabase(engine.database, subject, {
    actor: 'jo',
    reason: 'they asked',
    hashSubject,
    clips,
    nowMs: Date.now(),
  });

/** Rows of each table that know this session or asset. */
async function left(id: string): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const table of TABLES) {
    const [row] = await engine.database.query<{ n: number }>(
      `SELECT count() AS n FROM ${table} WHERE session_id = {id:String} OR asset_id = {id:String}`,
      { id },
    );
    counts[table] = row?.n ?? 0;
  }
  return counts;
}
const NOTHING = { events: 0, decisions: 0, view_outcomes: 0, dead_letters: 0 };

async function expectRollupsOfWhatIsLeft(): Promise<void> {
  const key = `hour, ${ROLLUP_KEYS.join(', ')}`;
  const views = qoeAggregates(clips).find(({ column }) => column === 'views');
  const rows = await engine.database.query(`SELECT ${key}, views, n_started FROM (${ROLLUPS_SELECT}) ORDER BY ${key}`);
  const direct = await engine.database.query(
    `SELECT toStartOfHour(view_at) AS hour, ${ROLLUP_KEYS.join(', ')}, ${views?.fromViews} AS views, countIf(class = 'started') AS n_started
     FROM scored_views GROUP BY ${key} ORDER BY ${key}`,
  );
  expect(rows).toEqual(direct);
}

/** Two segments that tell of a view, in hour `hours` after the start. */
function viewSegments(name: string, hours: number, of: Record<string, unknown>): TestSegment[] {
  const at = START_MS + hours * HOUR_MS;
  return [
    { id: `${name}-decisions`, stream: 'decisions', writtenAtMs: at, rows: [decisionRow(name, at, of)] },
    {
      id: `${name}-events`,
      stream: 'events',
      writtenAtMs: at,
      rows: [1, 2].map((n) =>
        eventRow(name, `e${n}`, at + n, { played_ms: n * 1000, session_id: of.session_id, asset_id: of.asset_id }),
      ),
    },
  ];
}

async function applyAll(segments: readonly TestSegment[]): Promise<void> {
  for (const segment of segments) await apply(engine.database, segment, hashSubject);
}

const erasedInLedger = async (segment: string): Promise<number[]> => {
  const rows = await engine.database.query<{ n: number }>(
    "SELECT row_count AS n FROM ingest_ledger FINAL WHERE stream = 'events' AND entry LIKE 'erased %' AND segment = {segment:String}",
    { segment },
  );
  return rows.map(({ n }) => n);
};

describe('erasure', () => {
  it('of a session removes it from every table and from the roll-ups, and leaves the others', async () => {
    const mine = viewSegments('mine', 0, { session_id: 'anna', asset_id: 'a_film' });
    const yours = viewSegments('yours', 0, { session_id: 'bo', asset_id: 'a_film' });
    await applyAll([...mine, ...yours]);
    await engine.database.insertRows('dead_letters', [
      { segment: 'd', received_at: timeText(START_MS), code: 'c', reason: 'r', session_id: 'anna', body: '' },
      {
        segment: 'd',
        received_at: timeText(START_MS),
        code: 'c',
        reason: 'r',
        session_id: '',
        body: 'sid="anna",ec=1',
      },
      { segment: 'd', received_at: timeText(START_MS), code: 'c', reason: 'r', session_id: '', body: 'sid="annabel"' },
    ]);
    await rebuildRollups(engine.database, { clips });
    const erased = await erase({ sessionId: 'anna' });
    expect(erased.rows).toMatchObject({ events: 2, decisions: 1, outcomes: 1, deadLetters: 2 });
    expect(erased.standing).toEqual([{ sessionId: 'anna', assetId: 'a_film' }]);
    expect(erased.hours).toContainEqual(new Date(START_MS));
    expect(await left('anna')).toEqual(NOTHING);
    expect(await left('bo')).toMatchObject({ events: 2, decisions: 1, view_outcomes: 1 });
    expect(await engine.database.query('SELECT body FROM dead_letters')).toEqual([{ body: 'sid="annabel"' }]);
    await expectRollupsOfWhatIsLeft();
    expect(await erasedInLedger('mine-events')).toEqual([2]);
    expect(await readDirtyHours(engine.database, { clips })).toEqual([]);
  });

  it('is proven by a row that says who, why and how many, and not whose', async () => {
    const rows = await engine.database.query<Record<string, unknown>>(
      'SELECT kind, subject, actor, reason, rows FROM erasures WHERE finished',
    );
    expect(rows).toEqual([
      {
        kind: 'session',
        subject: hashSubject('session', 'anna'),
        actor: 'jo',
        reason: 'they asked',
        rows: { events: 2, decisions: 1, outcomes: 1, deadLetters: 2, rollups: 0 },
      },
    ]);
    expect(JSON.stringify(await engine.database.query('SELECT * FROM erasures'))).not.toContain('anna');
  });

  it('of an owner takes all assets that were theirs, those without a decision as well', async () => {
    await applyAll([
      ...viewSegments('o1', 1, { session_id: 'cy', asset_id: 'a_theirs', owner: 'dee' }),
      ...viewSegments('o2', 1, { session_id: 'cy', asset_id: 'a_other', owner: 'eve' }),
      {
        id: 'upload',
        stream: 'events',
        writtenAtMs: START_MS,
        rows: [eventRow('', 'u', START_MS, { type: 'upload_end', session_id: 'up', asset_id: 'a_uploaded' })],
      },
    ]);
    const { rows } = await erase({ owner: 'dee', assetIds: ['a_uploaded'] });
    expect(rows).toMatchObject({ events: 3, decisions: 1, outcomes: 1 });
    expect([await left('a_theirs'), await left('a_uploaded')]).toEqual([NOTHING, NOTHING]);
    expect(await left('a_other')).toMatchObject({ events: 2, decisions: 1 });
    await expectRollupsOfWhatIsLeft();
  });

  it('of an asset takes its groups from hours that are too old to be rolled up again', async () => {
    const old = START_MS - 300 * 24 * HOUR_MS;
    await engine.database.insertRows('hour_rollups', [
      { hour: old / 1000, build: 5, asset_id: 'a_old', views: 3 },
      { hour: old / 1000, build: 5, asset_id: 'a_older', views: 4 },
    ]);
    await engine.database.insertRows('rollup_builds', [
      { hour: old / 1000, build: 5, previous: 0, definition: 'former' },
    ]);
    expect((await erase({ assetId: 'a_old' })).rows.rollups).toBe(1);
    expect(
      await engine.database.query(
        `SELECT asset_id, views FROM (${ROLLUPS_SELECT}) WHERE hour < now() - INTERVAL 200 DAY`,
      ),
    ).toEqual([{ asset_id: 'a_older', views: 4 }]);
    await engine.database.command(
      "ALTER TABLE hour_rollups DELETE WHERE asset_id = 'a_older' SETTINGS mutations_sync = 2",
    );
  });

  it('is not undone by a segment in doubt that is applied again, and the account counts its rows once', async () => {
    const segments = viewSegments('again', 2, { session_id: 'finn', asset_id: 'a_film' });
    await applyAll(segments);
    await erase({ sessionId: 'finn' });
    await applyAll(segments);
    await rebuildRollups(engine.database, { clips });
    expect(await left('finn')).toEqual(NOTHING);
    expect(await erasedInLedger('again-events')).toEqual([2]);
    await expectRollupsOfWhatIsLeft();
  });

  it('takes what was on its way when it was asked for', async () => {
    await erase({ sessionId: 'gus' });
    await applyAll(viewSegments('late', 3, { session_id: 'gus', asset_id: 'a_film' }));
    expect(await left('gus')).toEqual(NOTHING);
    await rebuildRollups(engine.database, { clips });
    await expectRollupsOfWhatIsLeft();
  });

  it('that was killed half-way leaves its hours dirty until it is asked for again', async () => {
    const hour = START_MS + 4 * HOUR_MS;
    await engine.database.insertRows('erasures', [
      { kind: 'session', subject: hashSubject('session', 'ida'), finished: false, hours: [hour / 1000] },
    ]);
    await rebuildRollups(engine.database, { clips });
    expect(await readDirtyHours(engine.database, { clips })).toEqual([new Date(hour)]);
    expect((await erase({ sessionId: 'ida' })).hours).toContainEqual(new Date(hour));
    expect(await readDirtyHours(engine.database, { clips })).toEqual([]);
  });

  it('holds against any interleaving of segments, kills, rebuilds and erasures', async () => {
    let runs = 0;
    const step = fc.record({
      session: fc.nat(2),
      hour: fc.nat(3),
      stream: fc.constantFrom('events' as const, 'decisions' as const),
      stopAfter: fc.nat(6),
      afterwards: fc.constantFrom('erase', 'rebuild', 'again', 'nothing'),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 7 }), async (script) => {
        runs += 1;
        const unfinished: TestSegment[] = [];
        const erased = new Set<string>();
        for (const [index, { session, hour, stream, stopAfter, afterwards }] of script.entries()) {
          const name = `p${runs}-${session}`;
          const [decisions, events] = viewSegments(name, hour, { session_id: name, asset_id: 'a_film' });
          const made = { ...((stream === 'events' ? events : decisions) as TestSegment), id: `${name}-${index}` };
          const steps = applySteps(engine.database, made, hashSubject);
          for (const run of steps.slice(0, stopAfter)) await run();
          if (stopAfter < steps.length) unfinished.push(made);
          if (afterwards === 'rebuild') await rebuildRollups(engine.database, { clips });
          const other = afterwards === 'again' ? unfinished.shift() : undefined;
          if (other) await apply(engine.database, other, hashSubject);
          if (afterwards === 'erase') {
            await erase({ sessionId: name });
            erased.add(name);
          }
        }
        await applyAll(unfinished);
        await rebuildRollups(engine.database, { clips });
        for (const name of erased) expect(await left(name)).toEqual(NOTHING);
        await expectRollupsOfWhatIsLeft();
      }),
      { numRuns: 4 },
    );
  }, 240_000);
});
