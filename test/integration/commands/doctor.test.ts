import { once } from 'node:events';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { checkNode, encodersIn } from '../../../src/commands/doctor/check-programs.ts';
import { renderDoctor, runDoctor } from '../../../src/commands/doctor.ts';
import { acquireLock } from '../../../src/supervisor/acquire-lock.ts';
import { freePort } from '../../../src/supervisor/free-port.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'nara-doctor-'));
});
afterEach(() => rm(folder, { recursive: true }));

type DoctorConfig = Parameters<typeof runDoctor>[0];

async function examine(more: Partial<DoctorConfig> = {}) {
  const report = await runDoctor({
    host: '127.0.0.1',
    port: 0,
    portIsExplicit: false,
    dataDir: join(folder, 'data'),
    clickhouseUrl: null,
    redisUrl: null,
    ffmpegPath: 'ffmpeg',
    ffprobePath: 'ffprobe',
    ...more,
  });
  return { report, of: (name: string) => report.checks.find((check) => check.name === name) };
}

test('on a machine that has everything nothing needed is missing', async () => {
  const { report, of } = await examine();
  expect(report.checks.filter(({ ok, required }) => !ok && required)).toEqual([]);
  expect(report.ok).toBe(true);
  expect(of('ffmpeg')?.found).toContain('libx264, aac, libwebp');
  expect(of('ClickHouse')?.found).toMatch(/embedded, engine \d/);
  expect(renderDoctor(report)).toContain('Everything needed is here.');
});

test('servers that do not answer are named without their password, with what to do', async () => {
  const port = await freePort('127.0.0.1');
  const { report, of } = await examine({
    redisUrl: `redis://:secret@127.0.0.1:${port}`,
    clickhouseUrl: `http://default:secret@127.0.0.1:${port}`,
  });
  expect(report.ok).toBe(false);
  expect(of('Redis')).toMatchObject({ ok: false, required: true, mend: expect.stringContaining('REDIS_URL') });
  expect(of('ClickHouse')).toMatchObject({
    ok: false,
    required: true,
    mend: expect.stringContaining('CLICKHOUSE_URL'),
  });
  expect(JSON.stringify(report)).not.toContain('secret');
});

test('an ffmpeg without the encoders is no ffmpeg', async () => {
  const poor = join(folder, 'ffmpeg');
  await writeFile(poor, '#!/bin/sh\necho "ffmpeg version 1.0"; echo " A....D aac  AAC"\n');
  await chmod(poor, 0o755);
  const { of } = await examine({ ffmpegPath: poor, ffprobePath: join(folder, 'nothing') });
  expect(of('ffmpeg')).toMatchObject({ ok: false, found: '1.0 with aac, without libx264, libwebp' });
  expect(of('ffprobe')).toMatchObject({ ok: false, mend: expect.stringContaining('NARA_FFPROBE') });
});

test('a taken port is wrong when it was asked for, and only then', async () => {
  const port = await freePort('127.0.0.1');
  const server = createServer().listen(port, '127.0.0.1');
  await once(server, 'listening');
  expect((await examine({ port, portIsExplicit: false })).of('port')?.ok).toBe(true);
  expect((await examine({ port, portIsExplicit: true })).of('port')).toMatchObject({ ok: false, required: true });
  server.close();
});

test('a running service is shown as what holds the data directory', async () => {
  await acquireLock(join(folder, 'data'), 'nara serve');
  expect((await examine()).of('running')?.found).toContain(`nara serve, pid ${process.pid}`);
});

test('an old Node fails and a new one does not', () => {
  expect(checkNode('20.18.3').ok).toBe(false);
  expect(checkNode('20.19.0').ok).toBe(true);
  expect(checkNode('22.1.0').ok).toBe(true);
});

test('encoders are read by name, not by mention', () => {
  const listing = ' V....D mpeg4    like libx264\n A....D aac     AAC\n ------\n V..... = Video\n';
  expect(encodersIn(listing)).toEqual(new Set(['mpeg4', 'aac', '=']));
});
