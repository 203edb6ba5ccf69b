import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DatabaseError } from '../../src/telemetry/database.ts';
import type { Segment } from '../../src/telemetry/spool/segment-files.ts';
import { type Shipped, Shipper } from '../../src/telemetry/spool/shipper.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'nara-shipper-'));
});
afterEach(() => rm(directory, { recursive: true }));

async function segmentOf(sequence: number, rows: number): Promise<Segment> {
  const path = join(directory, `${sequence}.ndjson`);
  await writeFile(path, '{}\n'.repeat(rows));
  return { id: `s-${sequence}`, sequence, rows, bytes: rows * 3, path, writtenAtMs: 0 };
}

const away = () => new DatabaseError('away', { code: 'UNREACHABLE', permanent: false, cause: null });
const poisoned = () => new DatabaseError('cannot parse', { code: 'INCORRECT_DATA', permanent: true, cause: null });

/** A table as a map from segment to rows there; each insert follows the next line of a script. */
function fakeTable(
  script: ('ok' | 'ok-but-no-answer' | 'half-then-no-answer' | 'away' | 'poison')[],
  rowsOf: Map<string, Segment>,
) {
  const there = new Map<string, number>();
  const log: string[] = [];
  return {
    there,
    log,
    database: {
      query: async <Row>(sql: string, params: Record<string, unknown> = {}) => {
        if (sql.includes('system.processes')) return [{ running: 0 }] as Row[];
        return [{ there: there.get(String(params.segment)) ?? 0 }] as Row[];
      },
      command: async (sql: string, params: Record<string, unknown> = {}) => {
        log.push(sql.split(' ')[0] ?? '');
        there.delete(String(params.segment));
      },
      insertFile: async (_table: string, _path: string, id: string) => {
        const step = script.shift() ?? 'ok';
        log.push(step);
        const rows = rowsOf.get(id)?.rows ?? 0;
        if (step === 'poison') throw poisoned();
        if (step === 'away') throw away();
        there.set(id, (there.get(id) ?? 0) + (step === 'half-then-no-answer' ? rows / 2 : rows));
        if (step !== 'ok') throw away();
      },
    },
  };
}

async function ship(
  script: Parameters<typeof fakeTable>[0],
  options: { leftOver?: boolean; alreadyThere?: number } = {},
) {
  const segment = await segmentOf(1, 4);
  const table = fakeTable(script, new Map([[segment.id, segment]]));
  if (options.alreadyThere) table.there.set(segment.id, options.alreadyThere);
  const shipped: Shipped[] = [];
  const folded: string[] = [];
  const released: string[] = [];
  const shipper = new Shipper({
    database: table.database,
    table: 'events',
    deadDirectory: join(directory, 'dead'),
    afterApply: async ({ id }) => void folded.push(id),
    release: async ({ id }) => void released.push(id),
    onShipped: (result) => shipped.push(result),
    firstRetryMs: 1,
    lastRetryMs: 1,
  });
  if (options.leftOver) shipper.start([segment]);
  else shipper.enqueue(segment);
  await shipper.settle(5_000);
  return { table, shipped, folded, released, segment };
}

describe('Shipper', () => {
  it('applies a fresh segment with one insert, folds it, and frees its space', async () => {
    const { table, shipped, folded, released } = await ship(['ok']);
    expect(table.there.get('s-1')).toBe(4);
    expect(shipped.map(({ kind }) => kind)).toEqual(['applied']);
    expect(folded).toEqual(['s-1']);
    expect(released).toEqual(['s-1']);
  });

  it('does not insert again what went through without an answer', async () => {
    const { table, shipped } = await ship(['ok-but-no-answer']);
    expect(table.there.get('s-1')).toBe(4);
    expect(table.log).toEqual(['ok-but-no-answer']);
    expect(shipped.map(({ kind }) => kind)).toEqual(['already-there']);
  });

  it('removes half a segment before inserting it whole', async () => {
    const { table } = await ship(['half-then-no-answer', 'ok']);
    expect(table.log).toEqual(['half-then-no-answer', 'DELETE', 'ok']);
    expect(table.there.get('s-1')).toBe(4);
  });

  it('keeps trying while the database is away', async () => {
    const { table, shipped } = await ship(['away', 'away', 'away', 'ok']);
    expect(table.there.get('s-1')).toBe(4);
    expect(shipped.map(({ kind }) => kind)).toEqual(['applied']);
  });

  it('asks first about a segment that a former process left', async () => {
    const { table, shipped, folded } = await ship([], { leftOver: true, alreadyThere: 4 });
    expect(table.log).toEqual([]);
    expect(shipped.map(({ kind }) => kind)).toEqual(['already-there']);
    expect(folded).toEqual(['s-1']);
  });

  it('puts aside only the rows the database refuses, with their reasons, and goes on with the next segment', async () => {
    const first = await segmentOf(1, 7);
    const second = await segmentOf(2, 4);
    await writeFile(first.path, [1, 2, 3, 4, 5, 6, 7].map((n) => `{"n":${n}}\n`).join(''));
    const inserted: string[] = [];
    const shipped: Shipped[] = [];
    const shipper = new Shipper({
      database: {
        query: async () => [],
        command: async () => {},
        insertFile: async (_table, path) => {
          const text = await readFile(path, 'utf8');
          if (/"n":[26]}/.test(text)) throw poisoned();
          inserted.push(...text.trimEnd().split('\n'));
        },
      },
      table: 'events',
      deadDirectory: join(directory, 'dead'),
      afterApply: async () => {},
      release: async () => {},
      onShipped: (result) => shipped.push(result),
    });
    shipper.enqueue(first);
    shipper.enqueue(second);
    await shipper.settle(5_000);
    expect(shipped).toMatchObject([{ kind: 'dead-lettered', deadRows: 2 }, { kind: 'applied' }]);
    expect(inserted.filter((line) => line !== '{}')).toEqual([1, 3, 4, 5, 7].map((n) => `{"n":${n}}`));
    const dead = (await readFile(join(directory, 'dead', '1.ndjson'), 'utf8')).trimEnd().split('\n');
    expect(dead.map((line) => JSON.parse(line))).toEqual([
      { line: '{"n":2}', reason: 'cannot parse' },
      { line: '{"n":6}', reason: 'cannot parse' },
    ]);
  });
});
