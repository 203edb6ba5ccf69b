import { mkdir, readdir } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Previews } from '../../../src/domain/asset.ts';
import { encodeFastLane } from '../../../src/media/encode-fast-lane.ts';
import type { EncodeSource } from '../../../src/media/media-room.ts';
import { planRendition } from '../../../src/media/plan/plan-renditions.ts';
import { makePreviews } from '../../../src/media/previews/make-previews.ts';
import { h264, makeUpload, openUpload, openWorkshop, picture, plainFfprobe, type Workshop } from './clips.ts';

let workshop: Workshop;
beforeAll(async () => {
  workshop = await openWorkshop();
});
afterAll(() => workshop.close());

const { signal } = new AbortController();
const file = ({ assetId }: EncodeSource, name: string): string =>
  workshop.store.localPath(`assets/${assetId}/${name}`) ?? '';

async function encoded(name: string, height: number, ...args: string[]) {
  const source = await openUpload(workshop, await makeUpload(workshop, name, 'mp4', ...args));
  const { uploadKey, input } = source;
  const planned = planRendition({ uploadKey, details: input.details }, { height, bitrateKbps: 150, fps: 60 }, 1);
  const { rendition } = await encodeFastLane(workshop, source, planned, { signal, onPlayable: async () => {} });
  return { source, rendition };
}

async function pictureSize(path: string): Promise<{ width: number; height: number; nb_frames?: string }> {
  const { streams } = (await plainFfprobe('-select_streams', 'v', '-show_streams', path)) as unknown as {
    streams: { width: number; height: number; nb_frames?: string }[];
  };
  if (!streams[0]) throw new Error(`${path} has no picture`);
  return streams[0];
}

describe('a portrait clip that opens with black', () => {
  let source: EncodeSource;
  let previews: Previews;
  beforeAll(async () => {
    const fade = ['-vf', "geq=lum='if(lt(T,3),16,lum(X,Y))':cb='if(lt(T,3),128,cb(X,Y))':cr='if(lt(T,3),128,cr(X,Y))'"];
    const made = await encoded('black', 240, ...picture('270x480', 25, 9), ...fade, ...h264);
    source = made.source;
    previews = await makePreviews(workshop, { assetId: source.assetId, ...made }, signal);
  });

  test('has everything there is to see', () => {
    expect(previews).toMatchObject({
      poster: 'poster.webp',
      poster2x: 'poster-2x.webp',
      clip: 'preview.mp4',
      storyboard: 'storyboard.vtt',
      tiles: { columns: 5, rows: 1, width: 90, height: 160, intervalMs: 2000, count: 5 },
    });
    expect(Buffer.from(previews.thumbhash ?? '', 'base64').length).toBeGreaterThanOrEqual(15);
    expect(Buffer.from(previews.thumbhash ?? '', 'base64').length).toBeLessThanOrEqual(28);
  });

  test('has a poster that is not black, upright, at most as large as the source', async () => {
    expect(await pictureSize(file(source, 'poster-2x.webp'))).toMatchObject({ width: 270, height: 480 });
    const { frames } = (await plainFfprobe(
      ...['-f', 'lavfi', '-show_entries', 'frame_tags=lavfi.signalstats.YAVG'],
      `movie=${file(source, 'poster.webp')},signalstats`,
    )) as unknown as { frames: { tags: Record<string, string> }[] };
    expect(Number(frames[0]?.tags['lavfi.signalstats.YAVG'])).toBeGreaterThan(60);
  });

  test('has a muted clip of a few seconds below 100 kB', async () => {
    expect(await workshop.store.size(`assets/${source.assetId}/preview.mp4`)).toBeLessThan(100_000);
    const { streams, format } = (await plainFfprobe(
      '-show_streams',
      '-show_format',
      file(source, 'preview.mp4'),
    )) as unknown as {
      streams: { codec_type: string; width: number; height: number }[];
      format: { duration: string };
    };
    expect(streams).toMatchObject([{ codec_type: 'video', width: 144, height: 256 }]);
    expect(Number(format.duration)).toBeCloseTo(4, 0);
  });

  test('has a sprite of its tiles, whose weight is known, and both ways to read it', async () => {
    expect(await pictureSize(file(source, 'storyboard-0.webp'))).toMatchObject({ width: 450, height: 160 });
    expect([await workshop.store.size(`assets/${source.assetId}/storyboard-0.webp`)]).toEqual(
      previews.tiles?.spriteBytes,
    );
    const vtt = (await workshop.store.read(`assets/${source.assetId}/storyboard.vtt`))?.toString() ?? '';
    expect(vtt.trimEnd()).toMatch(/00:00:08\.000 --> 00:00:09\.000\nstoryboard-0\.webp#xywh=360,0,90,160$/);
    expect((await workshop.store.read(`assets/${source.assetId}/storyboard.m3u8`))?.toString()).toContain('LAYOUT=5x1');
  });

  test('leaves no work directory behind', async () => {
    expect(await readdir(workshop.workRoot)).toEqual([]);
  });
});

test('what cannot compress still comes in below 100 kB', async () => {
  const noise = ['-f', 'lavfi', '-i', 'nullsrc=size=160x90:rate=30:duration=5,geq=random(1)*255:128:128'];
  const made = await encoded('noise', 90, ...noise, ...h264);
  const { clip } = await makePreviews(workshop, { assetId: made.source.assetId, ...made }, signal);
  expect(clip).toBe('preview.mp4');
  expect(await workshop.store.size(`assets/${made.source.assetId}/preview.mp4`)).toBeLessThan(100_000);
});

test('a video of less than a second, and one whose upload is gone, have all that can be', async () => {
  const made = await encoded('blink', 90, ...picture('160x90', 10, 0.3), ...h264);
  const previews = await makePreviews(
    workshop,
    { assetId: made.source.assetId, rendition: made.rendition, source: null },
    signal,
  );
  expect(previews).toMatchObject({ poster: null, clip: 'preview.mp4', tiles: { count: 1, columns: 1, rows: 1 } });
});

test('a rendition whose keyframes are not known costs the storyboard alone', async () => {
  const made = await encoded('unknown', 90, ...picture('160x90', 25, 5), ...h264);
  const { assetId } = made.source;
  await workshop.store.remove(`assets/${assetId}/r/${made.rendition.id}/iframes.m3u8`);
  const previews = await makePreviews(workshop, { assetId, ...made }, signal);
  expect(previews).toMatchObject({
    thumbhash: null,
    storyboard: null,
    tiles: null,
    poster: 'poster.webp',
    clip: 'preview.mp4',
  });
});

test("the machine's trouble is thrown, so that it is tried again", async () => {
  const made = await encoded('trouble', 90, ...picture('160x90', 25, 2), ...h264);
  await mkdir(workshop.workRoot, { recursive: true });
  const aborted = AbortSignal.abort();
  await expect(makePreviews(workshop, { assetId: made.source.assetId, ...made }, aborted)).rejects.toMatchObject({
    code: 'aborted',
  });
});
