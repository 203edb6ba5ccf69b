import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { LadderRung } from '../../../src/domain/arm.ts';
import type { EncodePlan } from '../../../src/domain/asset.ts';
import { renditionIdSchema } from '../../../src/domain/ids.ts';
import {
  audioTrackId,
  fastLaneRung,
  planRendition,
  remainingRenditions,
} from '../../../src/media/plan/plan-renditions.ts';
import { sourceDetails } from './source.ts';

const plan = (rungs: LadderRung[]): EncodePlan => ({
  configVersion: 1,
  allocationVersion: 1,
  holdout: false,
  liftPanel: false,
  reason: 'test',
  audience: { level: 'cold', views: 0, shares: [{ region: 'ZZ', device: 'unknown', connection: 'unknown', share: 1 }] },
  rungs,
});
const rung = (height: number, bitrateKbps: number, fps = 30): LadderRung => ({ height, bitrateKbps, fps });
const identity = { uploadKey: 'uploads/u1', details: sourceDetails() };

test('the fast lane takes the lowest bitrate at 360p or below', () => {
  expect(fastLaneRung(plan([rung(480, 200), rung(360, 365), rung(234, 300)]))).toEqual(rung(234, 300));
});

test('without a rung at 360p or below it takes the lowest there is', () => {
  expect(fastLaneRung(plan([rung(720, 3000), rung(540, 2000)]))).toEqual(rung(540, 2000));
});

test('an id says height, target and what its bytes depend on', () => {
  const planned = planRendition(identity, rung(360, 365), 1.2);
  expect(planned).toMatchObject({ size: { width: 640, height: 360 }, fps: 30, targetKbps: 438, gopSeconds: 2 });
  expect(planned.id).toMatch(/^360p-438k-[0-9a-f]{8}$/);
  expect(planRendition(identity, rung(360, 365), 1.2).id).toBe(planned.id);
  const others = [
    planRendition({ ...identity, uploadKey: 'uploads/u2' }, rung(360, 365), 1.2),
    planRendition(identity, rung(360, 366), 1.2),
    planRendition(identity, rung(240, 365), 1.2),
    planRendition({ ...identity, details: sourceDetails({ source: { fps: 60 } }) }, rung(360, 365, 60), 1.2),
  ];
  for (const other of others) expect(other.id).not.toBe(planned.id);
});

test('an id is a rendition id for any rung, and never above the source', () => {
  const anyRung = fc.record({
    height: fc.integer({ min: 16, max: 4320 }),
    bitrateKbps: fc.double({ min: 0.1, max: 200_000, noNaN: true }),
    fps: fc.double({ min: 1, max: 120, noNaN: true }),
  });
  fc.assert(
    fc.property(anyRung, fc.double({ min: 0.35, max: 2, noNaN: true }), (any, scale) => {
      const planned = planRendition(identity, any, scale);
      expect(renditionIdSchema.safeParse(planned.id).success).toBe(true);
      expect(Math.min(planned.size.width, planned.size.height)).toBeLessThanOrEqual(720);
      expect(planned.targetKbps).toBeGreaterThanOrEqual(1);
    }),
  );
});

test('the remainder leaves the fast-lane rung alone when arms will find it where it is', () => {
  const rungs = plan([rung(240, 145), rung(360, 365), rung(720, 3000)]);
  const ids = remainingRenditions(identity, rungs, 1.1).map(({ targetKbps }) => targetKbps);
  expect(ids).toEqual([402, 3300]);
});

test('and makes it again for content much simpler or more complex than it assumed', () => {
  const rungs = plan([rung(720, 3000), rung(240, 145)]);
  expect(remainingRenditions(identity, rungs, 0.5).map(({ targetKbps }) => targetKbps)).toEqual([73, 1500]);
  expect(remainingRenditions(identity, rungs, 1.9).map(({ targetKbps }) => targetKbps)).toEqual([276, 5700]);
});

test('rungs that a small source makes equal are made once', () => {
  const small = { uploadKey: 'uploads/u1', details: sourceDetails({ source: { width: 160, height: 120 } }) };
  const rungs = plan([rung(120, 100), rung(240, 300), rung(360, 300.2)]);
  expect(remainingRenditions(small, rungs, 1)).toHaveLength(1);
});

test('a silent source has no audio track; one with sound has one whose id depends on the upload', () => {
  expect(audioTrackId({ uploadKey: 'u', details: sourceDetails({ audio: null }) })).toBeNull();
  const id = audioTrackId(identity);
  expect(id).toMatch(/^audio-128k-[0-9a-f]{8}$/);
  expect(audioTrackId({ ...identity, uploadKey: 'uploads/u2' })).not.toBe(id);
});
