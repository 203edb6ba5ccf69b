import { z } from 'zod';
import type { Device } from '../domain/index.ts';
import type { Ladder, LadderRendition } from './ladder.ts';

/** Screens quality was measured for; a desktop's stands for tablets and what is unknown. */
const SCREENS = ['phone', 'desktop', 'tv'] as const;
export type Screen = (typeof SCREENS)[number];

/** The screen a device class is taken for. */
export const screenOf = (device: Device): Screen => (device === 'phone' || device === 'tv' ? device : 'desktop');

/** One measured encode of a title: bytes and quality (0–100, VMAF-like, per screen) of every chunk. */
export type MeasuredRung = { averageKbps: number; chunkBytes: number[]; quality: Record<Screen, number[]> };

/** What bitrates cost and bring on one title. */
export type Title = {
  name: string;
  chunkMs: number;
  /** Bitrate this content needs relative to reference content: a nominal bitrate is multiplied by it. */
  complexityScale: number;
  /** By rising average bitrate, at least two. */
  rungs: MeasuredRung[];
};

/** A ladder of a title, with the quality of each level's chunks beside it (levels by rising bitrate). */
export type TitleLadder = { ladder: Ladder; chunkMs: number; quality: Record<Screen, number[][]> };

const numbers = z.array(z.number().min(0)).min(2);
const titleFileSchema = z.object({
  title: z.string().min(1),
  chunkSeconds: z.number().positive(),
  rungs: z
    .array(
      z.object({
        chunkBytes: z.array(z.number().positive()).min(2),
        vmaf: numbers,
        vmafPhone: numbers,
        vmaf4k: numbers,
      }),
    )
    .min(2),
});

/** What reference content's encoder spends at the highest rung of such tables. */
const REFERENCE_TOP_KBPS = 4000;
/** Encodes closer than this ratio say nothing about the slope between them. */
const SAME_BITRATE_RATIO = 1.05;
/** A last chunk this much smaller than the mean is a fragment of one. */
const FRAGMENT_SHARE = 0.5;

/** Reads a title file (per rung and chunk: bytes, VMAF for desktop, phone and 4K). Throws ZodError when it is not one. */
export function parseTitle(text: string): Title {
  const file = titleFileSchema.parse(JSON.parse(text));
  const chunks = wholeChunks(file.rungs[0]?.chunkBytes ?? []);
  const rungs = file.rungs.map(
    ({ chunkBytes, vmaf, vmafPhone, vmaf4k }): MeasuredRung => ({
      averageKbps: averageKbps(chunkBytes.slice(0, chunks), file.chunkSeconds * 1000),
      chunkBytes: chunkBytes.slice(0, chunks),
      quality: { desktop: vmaf.slice(0, chunks), phone: vmafPhone.slice(0, chunks), tv: vmaf4k.slice(0, chunks) },
    }),
  );
  return createTitle(file.title, file.chunkSeconds * 1000, rungs);
}

/** A title of measured rungs: sorted, near twins dropped (the later stays). Throws RangeError when fewer than two are left. */
export function createTitle(name: string, chunkMs: number, measured: readonly MeasuredRung[]): Title {
  const rungs = measured
    .toSorted((left, right) => left.averageKbps - right.averageKbps)
    .filter(
      (rung, index, all) =>
        (all[index + 1]?.averageKbps ?? Number.POSITIVE_INFINITY) / rung.averageKbps >= SAME_BITRATE_RATIO,
    );
  const top = rungs.at(-1);
  if (!top || rungs.length < 2)
    throw new RangeError(`title ${name}: expected 2 different rungs or more (got ${rungs.length})`);
  return { name, chunkMs, complexityScale: top.averageKbps / REFERENCE_TOP_KBPS, rungs };
}

/** A ladder of nominal bitrates on a title: each × the title's complexity scale, between and beyond what was measured. */
export function titleLadder(title: Title, nominalKbps: readonly number[]): TitleLadder {
  const levels = nominalKbps.toSorted((a, b) => a - b).map((kbps) => rungAt(title, kbps * title.complexityScale));
  return {
    ladder: { renditions: levels.map((level) => renditionOf(level, title.chunkMs)) },
    chunkMs: title.chunkMs,
    quality: {
      phone: levels.map(({ quality }) => quality.phone),
      desktop: levels.map(({ quality }) => quality.desktop),
      tv: levels.map(({ quality }) => quality.tv),
    },
  };
}

/**
 * A rung nobody encoded: per chunk, log-bytes and quality linear in log-bitrate between neighbours. Beyond the ends bytes
 * follow the bitrate, and quality goes on at the last slope, within 0–100.
 */
export function rungAt(title: Title, kbps: number): MeasuredRung {
  const { rungs } = title;
  const next = rungs.findIndex((rung) => rung.averageKbps >= kbps);
  const upper = next < 0 ? rungs.length - 1 : Math.max(1, next);
  const [low, high] = [rungs[upper - 1], rungs[upper]];
  if (!low || !high) throw new RangeError(`title ${title.name}: expected 2 rungs or more (got ${rungs.length})`);
  const position = Math.log(kbps / low.averageKbps) / Math.log(high.averageKbps / low.averageKbps);
  const chunkBytes = low.chunkBytes.map((bytes, chunk) => bytesAt({ low, high, chunk, bytes, position, kbps }));
  const quality = (screen: Screen): number[] =>
    low.quality[screen].map((value, chunk) => qualityAt(value, high.quality[screen][chunk] ?? value, position));
  return {
    averageKbps: averageKbps(chunkBytes, title.chunkMs),
    chunkBytes,
    quality: { phone: quality('phone'), desktop: quality('desktop'), tv: quality('tv') },
  };
}

type BytesAt = { low: MeasuredRung; high: MeasuredRung; chunk: number; bytes: number; position: number; kbps: number };

/** A player holds what takes about this share of a line. */
const HELD_SHARE = 0.75;

/**
 * What a title promises a screen before anything is offered: half of it the quality of the best encode a line of this throughput could
 * hold, half the mean over all encodes, in points up to `transparentQuality`.
 */
export function titleProspect(
  title: Title,
  screen: Screen,
  throughputKbps: number,
  transparentQuality: number,
): number {
  const points = title.rungs.map(({ quality }) => {
    const chunks = quality[screen];
    return Math.min(transparentQuality, chunks.reduce((sum, value) => sum + value, 0) / chunks.length);
  });
  const held = title.rungs.findLastIndex(({ averageKbps: kbps }) => kbps <= throughputKbps * HELD_SHARE);
  return ((points[Math.max(0, held)] ?? 0) + points.reduce((sum, value) => sum + value, 0) / points.length) / 2;
}

function bytesAt({ low, high, chunk, bytes, position, kbps }: BytesAt): number {
  const highBytes = high.chunkBytes[chunk] ?? bytes;
  if (position < 0) return (bytes * kbps) / low.averageKbps;
  if (position > 1) return (highBytes * kbps) / high.averageKbps;
  return bytes ** (1 - position) * highBytes ** position;
}

function qualityAt(low: number, high: number, position: number): number {
  // Where noise makes more bits look worse, going on in that direction would be nonsense.
  const slope = position < 0 || position > 1 ? Math.max(0, high - low) : high - low;
  const from = position > 1 ? high : low;
  return Math.min(100, Math.max(0, from + slope * (position > 1 ? position - 1 : position)));
}

function averageKbps(chunkBytes: readonly number[], chunkMs: number): number {
  return (chunkBytes.reduce((sum, bytes) => sum + bytes, 0) * 8) / (chunkBytes.length * chunkMs);
}

function wholeChunks(chunkBytes: readonly number[]): number {
  const mean = chunkBytes.reduce((sum, bytes) => sum + bytes, 0) / chunkBytes.length;
  let count = chunkBytes.length;
  while (count > 2 && (chunkBytes[count - 1] ?? 0) < mean * FRAGMENT_SHARE) count -= 1;
  return count;
}

function renditionOf(rung: MeasuredRung, chunkMs: number): LadderRendition {
  const peakBytes = rung.chunkBytes.reduce((most, bytes) => Math.max(most, bytes), 0);
  return {
    id: `${Math.round(rung.averageKbps)}k`,
    bitrateKbps: (peakBytes * 8) / chunkMs,
    averageKbps: rung.averageKbps,
    segments: rung.chunkBytes.map((bytes) => ({ durationMs: chunkMs, bytes })),
  };
}
