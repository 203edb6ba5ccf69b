import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eraseDeadRows } from '../../src/telemetry/erase-files.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'nara-dead-'));
  await mkdir(join(directory, 'events'));
});
afterEach(() => rm(directory, { recursive: true }));

const dead = (row: Record<string, unknown>): string =>
  JSON.stringify({ line: JSON.stringify(row), reason: 'no number' });
const bury = (name: string, lines: string[]) => writeFile(join(directory, 'events', name), `${lines.join('\n')}\n`);

describe('rows that the database refused', () => {
  it('are erased by session, and the others stay as they were', async () => {
    const other = dead({ session_id: 'anna-2', asset_id: 'a_1' });
    await bury('1.ndjson', [dead({ session_id: 'anna', asset_id: 'a_1' }), other]);
    await bury('2.ndjson', [dead({ session_id: 'anna', asset_id: 'a_2' })]);
    expect(await eraseDeadRows(directory, { sessionId: 'anna' })).toBe(2);
    expect(await readdir(join(directory, 'events'))).toEqual(['1.ndjson']);
    expect(await readFile(join(directory, 'events', '1.ndjson'), 'utf8')).toBe(`${other}\n`);
    expect(await eraseDeadRows(directory, { sessionId: 'anna' })).toBe(0);
  });

  it('are erased by asset and by owner', async () => {
    const rows = [
      { asset_id: 'a_1' },
      { asset_id: 'a_2' },
      { asset_id: 'a_3', owner: 'ann' },
      { asset_id: 'a_4', owner: 'bo' },
    ];
    await bury('1.ndjson', rows.map(dead));
    expect(await eraseDeadRows(directory, { assetId: 'a_1' })).toBe(1);
    expect(await eraseDeadRows(directory, { owner: 'ann', assetIds: ['a_2'] })).toBe(2);
    expect(await readFile(join(directory, 'events', '1.ndjson'), 'utf8')).toBe(
      `${dead({ asset_id: 'a_4', owner: 'bo' })}\n`,
    );
  });

  it('go as well when they cannot be read but speak of the subject', async () => {
    await bury('1.ndjson', ['{"torn":"anna', 'rubbish']);
    expect(await eraseDeadRows(directory, { sessionId: 'anna' })).toBe(1);
    expect(await readFile(join(directory, 'events', '1.ndjson'), 'utf8')).toBe('rubbish\n');
  });

  it('need not exist', async () => {
    expect(await eraseDeadRows(join(directory, 'never'), { sessionId: 'anna' })).toBe(0);
  });
});
