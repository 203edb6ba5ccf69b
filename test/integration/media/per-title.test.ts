import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { StoredRendition } from '../../../src/domain/asset.ts';
import { encodeFastLane } from '../../../src/media/encode-fast-lane.ts';
import { encodeRemainder } from '../../../src/media/encode-remainder.ts';
import { measureQuality } from '../../../src/media/measure-quality.ts';
import type { EncodeSource } from '../../../src/media/media-room.ts';
import { titleAnalysisSchema } from '../../../src/media/plan/per-title/title-analysis.ts';
import { planRendition } from '../../../src/media/plan/plan-renditions.ts';
import { planTitle } from '../../../src/media/plan-title.ts';
import { ladderFamily } from '../../../src/policy/ladder-families.ts';
import { resolveArm } from '../../../src/policy/resolve-arm.ts';
import { coldPlan } from '../../fixtures/encode-plan.ts';
import { makeUpload, openUpload, openWorkshop, picture, plainFfmpeg, type Workshop } from './clips.ts';

let workshop: Workshop;
beforeAll(async () => {
  workshop = await openWorkshop();
});
afterAll(() => workshop.close());

const { signal } = new AbortController();
const rungs = [
  { height: 144, bitrateKbps: 150, fps: 30 },
  { height: 240, bitrateKbps: 500, fps: 30 },
  { height: 360, bitrateKbps: 1500, fps: 30 },
];
const plan = { ...coldPlan, rungs };

async function firstRung(source: EncodeSource): Promise<StoredRendition> {
  const identity = { uploadKey: source.uploadKey, details: source.input.details };
  const [lowest] = rungs;
  if (!lowest) throw new Error('no rung');
  const options = { signal, onPlayable: async () => {} };
  return (await encodeFastLane(workshop, source, planRendition(identity, lowest, 1), options)).rendition;
}

describe('a title of six seconds', () => {
  let source: EncodeSource;
  let first: StoredRendition;
  beforeAll(async () => {
    const noisy = [
      ...picture('640x360', 30, 6),
      '-vf',
      'noise=alls=8:allf=t',
      '-c:v',
      'libx264',
      '-pix_fmt',
      'yuv420p',
    ];
    source = await openUpload(workshop, await makeUpload(workshop, 'title', 'mp4', ...noisy));
    first = await firstRung(source);
  });

  test('is analysed once, and its renditions are the same for whoever plans them', async () => {
    const title = await planTitle(workshop, source, { plan, first }, signal);
    const stored = await workshop.store.read(`assets/${source.assetId}/analysis.json`);
    const analysis = titleAnalysisSchema.parse(JSON.parse(stored?.toString('utf8') ?? ''));
    expect(new Set(analysis.samples.map(({ height }) => height))).toEqual(new Set([360, 240, 180]));
    for (const { kbps, phone, desktop } of analysis.samples) {
      expect(kbps).toBeGreaterThan(0);
      expect(phone).toBeGreaterThanOrEqual(desktop - 3);
    }
    expect(await planTitle(workshop, source, { plan, first }, signal)).toEqual(title);
    const unchanged = await workshop.store.read(`assets/${source.assetId}/analysis.json`);
    expect(unchanged?.equals(stored ?? Buffer.alloc(0))).toBe(true);
  });

  test('gets renditions that arms find, near what was asked and near what was promised', async () => {
    const { renditions, complexityScale } = await planTitle(workshop, source, { plan, first }, signal);
    const made = await encodeRemainder(workshop, source, renditions, { signal, complexityScale });
    expect(made.length).toBeGreaterThan(0);
    const measured = await measureQuality(workshop, source, [first, ...made], signal);
    for (const { id, bitrateKbps, targetKbps, quality, crf } of measured.slice(1)) {
      const promised = renditions.find((planned) => planned.id === id);
      expect(crf).toBe(promised?.crf);
      expect(bitrateKbps / targetKbps).toBeGreaterThan(1 / 1.6);
      expect(bitrateKbps / targetKbps).toBeLessThan(1.35);
      expect(Math.abs(quality.desktop - (promised?.predictedQuality?.desktop ?? 0))).toBeLessThan(8);
    }
    const arm = { ...ladderFamily('baseline', [150, 500, 1500]), rungs };
    const resolved = resolveArm(arm, measured, { complexityScale, sourceHeight: 360 });
    const found = resolved.renditionIds.map((id) => measured.find((rendition) => rendition.id === id)?.targetKbps ?? 0);
    expect(found).toEqual(expect.arrayContaining(renditions.map(({ targetKbps }) => targetKbps)));
  });
});

describe('a source that is already what an encode would be', () => {
  const colours = ['-color_primaries', 'bt709', '-color_trc', 'bt709', '-colorspace', 'bt709'];
  const clip = (gop: number): string[] => [
    ...[...picture('640x360', 30, 6), '-c:v', 'libx264', '-preset', 'veryfast', '-pix_fmt', 'yuv420p'],
    ...['-b:v', '900k', '-maxrate', '1200k', '-bufsize', '1200k', '-g', String(gop), '-sc_threshold', '0', ...colours],
  ];
  const planned = async (name: string, gop: number) => {
    const source = await openUpload(workshop, await makeUpload(workshop, name, 'mp4', ...clip(gop)));
    const first = await firstRung(source);
    return { source, first, title: await planTitle(workshop, source, { plan, first }, signal) };
  };

  test('is its own top rung, bit for bit, its segments beside those of the others', async () => {
    const { source, first, title } = await planned('fits', 30);
    const [made] = (await encodeRemainder(workshop, source, title.renditions, { signal, complexityScale: 1 })).slice(
      -1,
    );
    expect(made).toMatchObject({ isCopy: true, width: 640, height: 360, fps: 30 });
    expect(made?.segments.map(({ durationMs }) => durationMs)).toEqual(
      first.segments.map(({ durationMs }) => durationMs),
    );
    const playlist = workshop.store.localPath(`assets/${source.assetId}/r/${made?.id}/index.m3u8`) ?? '';
    const frames = (path: string) =>
      plainFfmpeg('-i', path, '-map', '0:v', '-f', 'framehash', `${workshop.root}/frames`);
    const hashes = async (path: string): Promise<string[]> => {
      await frames(path);
      const text = await readFile(`${workshop.root}/frames`, 'utf8');
      return text.split('\n').flatMap((line) => (line.startsWith('0,') ? [line.split(',').at(-1)?.trim() ?? ''] : []));
    };
    expect(await hashes(playlist)).toEqual(await hashes(source.input.path));
  });

  test('is encoded when its keyframes are elsewhere', async () => {
    const { title } = await planned('elsewhere', 50);
    expect(title.renditions.some(({ isCopy }) => isCopy)).toBe(false);
  });
});
