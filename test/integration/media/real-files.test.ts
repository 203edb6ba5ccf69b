import { existsSync } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { encodeFastLane, type FastLaneTracks } from '../../../src/media/encode-fast-lane.ts';
import type { EncodeSource } from '../../../src/media/media-room.ts';
import { planRendition } from '../../../src/media/plan/plan-renditions.ts';
import { probeSource } from '../../../src/media/probe-source.ts';
import { ffmpeg, openUpload, openWorkshop, plainFfmpeg, type Workshop } from './clips.ts';

// Awkward files that people really made; they are not part of the project. Where they are not at hand, this says so.
const DIRECTORY = resolve('../shared/media');
const isThere = existsSync(join(DIRECTORY, 'bbb-480p-30s.mp4'));
if (!isThere) console.info(`no real files in ${DIRECTORY}: trying clips made here alone`);

let workshop: Workshop;
beforeAll(async () => {
  workshop = await openWorkshop();
});
afterAll(() => workshop.close());

const { signal } = new AbortController();
const upload = async (file: string): Promise<string> => {
  const key = `uploads/${file.replaceAll('.', '-')}`;
  await copyFile(join(DIRECTORY, file), workshop.store.localPath(key) ?? '');
  return key;
};

async function publish(source: EncodeSource): Promise<FastLaneTracks> {
  const rung = { height: 144, bitrateKbps: 400, fps: 30 };
  const planned = planRendition({ uploadKey: source.uploadKey, details: source.input.details }, rung, 1);
  return encodeFastLane(workshop, source, planned, { signal, onPlayable: async () => {} });
}

const lengthMs = (segments: readonly { durationMs: number }[]): number =>
  segments.reduce((sum, { durationMs }) => sum + durationMs, 0);

/** How alike the first pictures are, 0 to 1: ours, and the file as plain ffmpeg shows it upright at our size. */
async function likeness(playlist: string, file: string, { width, height }: FastLaneTracks['rendition']) {
  const compare = `[1:v]scale=${width}:${height},setsar=1,format=yuv420p[a];[0:v]format=yuv420p[b];[b][a]ssim=stats_file=-`;
  const said = await plainFfmpeg(
    ...['-v', 'info', '-i', playlist, '-i', file, '-filter_complex', compare, '-frames:v', '1', '-f', 'null', '-'],
  );
  return Number(/SSIM.*All:([\d.]+)/.exec(said)?.[1]);
}

type Expected = {
  width: number;
  height: number;
  fps: number;
  ms: number;
  sound: boolean;
  hdr?: true;
  ours: [number, number, number];
};

const PUBLISHED: Readonly<Record<string, Expected>> = {
  'bbb-480p-30s.mp4': { width: 854, height: 480, fps: 24, ms: 30_000, sound: true, ours: [256, 144, 24] },
  'bbb-1080p60-vp8.webm': { width: 1920, height: 1080, fps: 60, ms: 1000, sound: true, ours: [256, 144, 30] },
  'camera-flower.mp4': { width: 960, height: 540, fps: 29.97, ms: 5005, sound: true, ours: [256, 144, 29.97] },
  'camera-friday.mp4': { width: 640, height: 480, fps: 30, ms: 6166, sound: true, ours: [192, 144, 30] },
  'cursed-vfr-3026x1386.mp4': { width: 3026, height: 1386, fps: 30, ms: 8726, sound: false, ours: [314, 144, 30] },
  'hdr10-pq.mp4': { width: 1920, height: 1080, fps: 30, ms: 1017, sound: true, hdr: true, ours: [256, 144, 30] },
  'legacy-h263.3gp': { width: 176, height: 144, fps: 15, ms: 1000, sound: false, ours: [176, 144, 15] },
  'legacy.avi': { width: 960, height: 400, fps: 23.976, ms: 4087, sound: true, ours: [346, 144, 23.976] },
  'legacy.flv': { width: 1080, height: 720, fps: 30, ms: 968, sound: true, ours: [216, 144, 30] },
  'mov-1080p50-pcm.mov': { width: 1920, height: 1080, fps: 50, ms: 2000, sound: true, ours: [256, 144, 25] },
  'odd-161x121.webm': { width: 160, height: 120, fps: 29.97, ms: 1001, sound: false, ours: [160, 120, 29.97] },
  'phone-portrait-4k60-vfr.mp4': { width: 2160, height: 3840, fps: 60, ms: 300, sound: true, ours: [144, 256, 30] },
  'sar-2x1.mp4': { width: 1280, height: 360, fps: 30, ms: 5000, sound: false, ours: [512, 144, 30] },
  'video-only.mp4': { width: 1080, height: 720, fps: 29.97, ms: 1001, sound: false, ours: [216, 144, 29.97] },
  'webcam-noaudio.mkv': { width: 640, height: 480, fps: 30, ms: 1933, sound: false, ours: [192, 144, 30] },
};

const REFUSED: Readonly<Record<string, string>> = {
  'audio-only.mp4': 'audio-only',
  'broken-bitstream.webm': 'broken-bitstream',
  'broken-truncated.mp4': 'truncated',
};

describe.runIf(isThere)('a real file', () => {
  test.each(Object.entries(PUBLISHED))('plays as it was meant: %s', async (file, expected) => {
    const source = await openUpload(workshop, await upload(file));
    const { source: found, durationMs } = source.input.details;
    const { width, height, sound: hasAudio } = expected;
    expect(found).toMatchObject({ width, height, hasAudio, hdr: expected.hdr === true });
    expect(found.fps).toBeCloseTo(expected.fps, 1);
    expect(Math.abs(durationMs - expected.ms)).toBeLessThan(100);

    const { rendition, audio } = await publish(source);
    expect([rendition.width, rendition.height]).toEqual(expected.ours.slice(0, 2));
    expect(rendition.fps).toBeCloseTo(expected.ours[2], 1);
    expect(Math.abs(lengthMs(rendition.segments) - expected.ms)).toBeLessThan(150);
    expect(audio !== null).toBe(hasAudio);

    const playlist = workshop.store.localPath(`assets/${source.assetId}/r/${rendition.id}/index.m3u8`) ?? '';
    // A picture turned, squeezed or off in colour is far below; HDR looks different on purpose.
    if (!expected.hdr) expect(await likeness(playlist, source.input.path, rendition)).toBeGreaterThan(0.9);
  });

  test('of six minutes is known without reading it through', async () => {
    const result = await probeSource(
      ffmpeg,
      workshop.store.localPath(await upload('long-1080p-362s.mp4')) ?? '',
      signal,
    );
    expect(result).toMatchObject({
      kind: 'video',
      durationMs: 362_767,
      source: { width: 1920, height: 1080, fps: 30 },
    });
  });

  test.each(Object.entries(REFUSED))('is refused for a reason a person can act on: %s', async (file, code) => {
    const result = await probeSource(ffmpeg, workshop.store.localPath(await upload(file)) ?? '', signal);
    expect(result).toMatchObject({ kind: 'rejected', error: { code, action: expect.stringMatching(/\w+ .*\./) } });
  });
});
