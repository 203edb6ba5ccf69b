import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createDirectoryStore } from '../../src/media/directory-store.ts';
import { encodeFastLane, type FastLaneTracks } from '../../src/media/encode-fast-lane.ts';
import type { Ffmpeg } from '../../src/media/ffmpeg.ts';
import { FfmpegError, type FfmpegErrorCode } from '../../src/media/ffmpeg-error.ts';
import { segmentName } from '../../src/media/finished-tracks.ts';
import type { MediaStore } from '../../src/media/media-store.ts';
import { planRendition } from '../../src/media/plan/plan-renditions.ts';
import { initSegment } from './init-segment.ts';
import { sourceDetails } from './plan/source.ts';

let root: string;
let store: MediaStore;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'nara-fast-lane-'));
  store = createDirectoryStore(join(root, 'store'));
});
afterEach(() => rm(root, { recursive: true }));

const log = pino({ level: 'silent' });
type Run = { outputs: number };

/** An ffmpeg that writes so many segments of every output, then ends like this. */
function fakeFfmpeg(segments: number, ends: FfmpegErrorCode | 'well', runs: Run[] = []): Ffmpeg {
  return {
    async run(job, { directory }) {
      runs.push({ outputs: job.outputs.length });
      for (const { path } of job.outputs) {
        const folder = join(directory, dirname(path));
        await mkdir(folder, { recursive: true });
        await writeFile(join(folder, 'init.mp4'), initSegment([1, 0x64, 0, 0x1e, 0xff]));
        const names = Array.from({ length: segments }, (_, index) => segmentName(index));
        for (const name of names) await writeFile(join(folder, name), 'segment');
        await writeFile(join(folder, 'index.m3u8'), names.map((name) => `#EXTINF:2.0,\n${name}\n`).join(''));
      }
      if (ends !== 'well') throw new FfmpegError(ends, job.name, 'Invalid data found');
    },
    probe: () => Promise.reject(new Error('not asked')),
    warmUp: async () => ({ zscale: true }),
  };
}

function encode(ffmpeg: Ffmpeg, audio = true): Promise<FastLaneTracks> {
  const details = sourceDetails(audio ? {} : { audio: null });
  const input = { path: '/upload', details, capabilities: { zscale: true } };
  const planned = planRendition({ uploadKey: 'uploads/u1', details }, { height: 240, bitrateKbps: 145, fps: 30 }, 1);
  const source = { assetId: 'a_1', uploadKey: 'uploads/u1', input };
  const room = { store, ffmpeg, workRoot: join(root, 'work'), log };
  return encodeFastLane(room, source, planned, { signal: new AbortController().signal, onPlayable: async () => {} });
}

async function playlists(): Promise<string[]> {
  const tracks = await store.list('assets/a_1/r');
  return Promise.all(tracks.map(async (track) => (await store.read(`${track}index.m3u8`))?.toString() ?? ''));
}

test('both tracks are described, closed and marked when ffmpeg ends well', async () => {
  const { rendition, audio } = await encode(fakeFfmpeg(3, 'well'));
  expect(rendition).toMatchObject({
    codecs: 'avc1.64001e',
    targetKbps: 145,
    qualityMeasured: false,
    segments: [{}, {}, {}],
  });
  expect(audio?.codecs).toBe('mp4a.40.2');
  const runs: Run[] = [];
  expect(await encode(fakeFfmpeg(3, 'well', runs))).toEqual({ rendition, audio });
  expect(runs).toEqual([]);
});

test('a failure with sound is tried once more without it', async () => {
  const runs: Run[] = [];
  const silentWorks: Ffmpeg = {
    ...fakeFfmpeg(2, 'well'),
    run: (job, options) =>
      fakeFfmpeg(job.outputs.length === 2 ? 0 : 2, job.outputs.length === 2 ? 'exit' : 'well', runs).run(job, options),
  };
  expect((await encode(silentWorks)).audio).toBeNull();
  expect(runs).toEqual([{ outputs: 2 }, { outputs: 1 }]);
});

test('a file that breaks off leaves what there was as a whole playlist, not as one to wait for', async () => {
  await expect(encode(fakeFfmpeg(2, 'exit'), false)).rejects.toMatchObject({ code: 'exit' });
  const [video] = await playlists();
  expect(video).toContain('#EXT-X-ENDLIST');
  expect(await store.read(`${(await store.list('assets/a_1/r'))[0]}done.json`)).toBeNull();
});

test('a killed ffmpeg leaves the playlist open: the next try goes on', async () => {
  await expect(encode(fakeFfmpeg(2, 'killed'))).rejects.toMatchObject({ code: 'killed' });
  for (const playlist of await playlists()) expect(playlist).not.toContain('#EXT-X-ENDLIST');
  expect((await encode(fakeFfmpeg(3, 'well'))).rendition.segments).toHaveLength(3);
});

test('an ffmpeg that succeeds with nothing to show is an unreadable output', async () => {
  await expect(encode(fakeFfmpeg(0, 'well'), false)).rejects.toMatchObject({ code: 'unreadable-output' });
});
