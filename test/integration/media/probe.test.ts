import { readFile, truncate } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ProbeResult } from '../../../src/media/interpret-probe.ts';
import { probeSource } from '../../../src/media/probe-source.ts';
import { ffmpeg, h264, makeUpload, openWorkshop, picture, plainFfmpeg, sound, type Workshop } from './clips.ts';

let workshop: Workshop;
beforeAll(async () => {
  workshop = await openWorkshop();
});
afterAll(() => workshop.close());

const probe = (key: string): Promise<ProbeResult> =>
  probeSource(ffmpeg, workshop.store.localPath(key) ?? '', new AbortController().signal);
const make = (name: string, format: string, ...args: string[]) => makeUpload(workshop, name, format, ...args);

describe('a video', () => {
  test('with sound is described as it is', async () => {
    const key = await make(
      'plain',
      'mp4',
      ...picture('640x360', 25, 3),
      ...sound(3),
      ...h264,
      '-c:a',
      'aac',
      '-shortest',
    );
    expect(await probe(key)).toMatchObject({
      kind: 'video',
      source: { width: 640, height: 360, fps: 25, codec: 'h264', hdr: false, rotation: 0, hasAudio: true },
      audio: { channels: 1 },
    });
  });

  test.each([
    ['30000/1001', 29.97003],
    ['24000/1001', 23.976024],
    ['50', 50],
    ['120', 60],
  ])('at %s in a container of milliseconds is measured', async (rate, fps) => {
    const key = await make(`rate-${rate.replace('/', '-')}`, 'matroska', ...picture('160x120', rate, 2), ...h264);
    const result = await probe(key);
    expect(result.kind === 'video' && result.source.fps).toBeCloseTo(fps, 4);
  });

  test('whose container claims a nonsense rate is taken at its packets’ word', async () => {
    const select = "select='not(mod(n,3))+eq(n,4)',setpts=N*0.1/TB+eq(N\\,7)*0.01/TB";
    const key = await make(
      'vfr',
      'mp4',
      ...picture('160x120', 30, 6),
      '-vf',
      select,
      '-fps_mode',
      'vfr',
      '-video_track_timescale',
      '57600',
      ...h264,
    );
    const result = await probe(key);
    expect(result.kind === 'video' && result.source.fps).toBe(10);
  });

  test('that was recorded upright is upright', async () => {
    const flat = await make('flat', 'mp4', ...picture('320x180', 25, 1), ...h264);
    const turned = workshop.store.localPath('uploads/turned') ?? '';
    await plainFfmpeg(
      '-display_rotation',
      '90',
      '-i',
      workshop.store.localPath(flat) ?? '',
      '-c',
      'copy',
      '-f',
      'mp4',
      turned,
    ).catch(() =>
      // Before ffmpeg 6 rotation is metadata of the output.
      plainFfmpeg(
        '-i',
        workshop.store.localPath(flat) ?? '',
        '-c',
        'copy',
        '-metadata:s:v:0',
        'rotate=90',
        '-f',
        'mp4',
        turned,
      ),
    );
    const result = await probe('uploads/turned');
    expect(result).toMatchObject({ kind: 'video', source: { width: 180, height: 320 } });
    expect(result.kind === 'video' && [90, 270].includes(result.source.rotation)).toBe(true);
  });

  test('with wide pixels is as wide as it is meant to be', async () => {
    const key = await make('wide', 'mp4', ...picture('320x240', 25, 1), '-vf', 'setsar=2', ...h264);
    expect(await probe(key)).toMatchObject({ source: { width: 640, height: 240 } });
  });

  test('in PQ is HDR', async () => {
    const tags = 'colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc';
    const key = await make(
      'pq',
      'mp4',
      ...picture('320x180', 25, 1),
      '-c:v',
      'libx264',
      '-pix_fmt',
      'yuv420p10le',
      '-x264-params',
      tags,
    );
    expect(await probe(key)).toMatchObject({ source: { hdr: true }, video: { transfer: 'pq', matrix: 'bt2020' } });
  });

  test('of a live recorder, without a duration, is measured by its packets', async () => {
    const key = await make(
      'live',
      'webm',
      ...picture('160x120', 30, 4),
      '-c:v',
      'libvpx',
      '-deadline',
      'realtime',
      '-live',
      '1',
    );
    const result = await probe(key);
    expect(result.kind === 'video' && result.durationMs).toBeGreaterThan(3900);
    expect(result.kind === 'video' && result.durationMs).toBeLessThan(4200);
  });

  test('of a transport stream, whose clock starts anywhere, has its own length', async () => {
    const key = await make('ts', 'mpegts', ...picture('160x120', 25, 3), ...h264, '-output_ts_offset', '5000');
    const result = await probe(key);
    expect(result.kind === 'video' && Math.abs(result.durationMs - 3000)).toBeLessThan(150);
  });
});

describe('a file that is no usable video', () => {
  const rejected = async (key: string): Promise<string> => {
    const result = await probe(key);
    return result.kind === 'rejected' ? result.error.code : 'video';
  };

  test('because it is text', async () => {
    await workshop.store.write('uploads/text', 'WEBVTT looks like media but is not\n'.repeat(50));
    expect(await rejected('uploads/text')).toBe('not-media');
  });

  test('because it is empty', async () => {
    await workshop.store.write('uploads/empty', '');
    expect(await rejected('uploads/empty')).toBe('not-media');
  });

  test('because it only sounds, with or without a cover', async () => {
    expect(await rejected(await make('sound', 'mp4', ...sound(2), '-c:a', 'aac'))).toBe('audio-only');
    const cover = ['-map', '0:a', '-map', '1:v', '-frames:v', '1', '-c:v', 'mjpeg', '-disposition:v', 'attached_pic'];
    const withCover = await make('cover', 'mp3', ...sound(2), ...picture('64x64', 1, 1), ...cover);
    expect(await rejected(withCover)).toBe('audio-only');
  });

  test('because its end is missing', async () => {
    const key = await make('cut', 'mp4', ...picture('640x360', 30, 20), ...h264, '-movflags', '+faststart');
    const path = workshop.store.localPath(key) ?? '';
    await truncate(path, Math.floor((await readFile(path)).length * 0.4));
    const result = await probe(key);
    expect(result).toMatchObject({
      kind: 'rejected',
      error: { code: 'truncated', message: expect.stringMatching(/of 20\.0 s/) },
    });
  });

  test('because its index is missing', async () => {
    const key = await make('no-index', 'mp4', ...picture('640x360', 30, 4), ...h264);
    const path = workshop.store.localPath(key) ?? '';
    await truncate(path, Math.floor((await readFile(path)).length * 0.5));
    expect(await rejected(key)).toBe('truncated');
  });
});
