import type { Quality } from '../../domain/asset.ts';
import { isotonic } from './isotonic.ts';

/**
 * SSIM in dB (−10·log10(1 − SSIM), luma) → 0–100 points that read like VMAF: 20 dB is where people stop seeing a
 * difference, 13 dB is clearly compressed, 5 dB is barely recognisable. Straight lines between, so strictly rising.
 */
const POINTS_BY_DB: readonly (readonly [db: number, points: number])[] = [
  [0, 0],
  [5, 15],
  [13, 62],
  [20, 97],
  [25, 100],
];

/** Quality points of an SSIM in 0..1. */
export function qualityFromSsim(ssim: number): number {
  const db = -10 * Math.log10(Math.max(1e-6, 1 - ssim));
  let [lowerDb, lowerPoints] = POINTS_BY_DB[0] ?? [0, 0];
  for (const [upperDb, upperPoints] of POINTS_BY_DB) {
    if (db <= upperDb) {
      const share = upperDb === lowerDb ? 1 : Math.max(0, db - lowerDb) / (upperDb - lowerDb);
      return lowerPoints + share * (upperPoints - lowerPoints);
    }
    [lowerDb, lowerPoints] = [upperDb, upperPoints];
  }
  return 100;
}

/** A television is bigger than a desktop window and shows more: what is missing to 100 weighs this much more. */
const TV_SEVERITY = 1.15;

/** All device classes from the two that are measured: a tablet lies between, a television is stricter than a desktop. */
export function qualityOnDevices(measured: { phone: number; desktop: number }): Quality {
  const phone = Math.max(measured.phone, measured.desktop);
  const { desktop } = measured;
  const tv = Math.max(0, 100 - (100 - desktop) * TV_SEVERITY);
  return { phone: points(phone), tablet: points((phone + desktop) / 2), desktop: points(desktop), tv: points(tv) };
}

const points = (value: number): number => Number(value.toFixed(2));

/** Bitrates at which quality has covered 63 % of the way to 100, fitted to public titles with measured VMAF, kbit/s. */
const GUESS_KBPS = { phone: 550, desktop: 1000 };

/** What a rendition probably looks like, from its bitrate relative to this content's complexity; until it is measured. */
export function guessQuality(kbps: number, complexityScale: number): Quality {
  const saturating = (scaleKbps: number): number => 100 * (1 - Math.exp(-kbps / (complexityScale * scaleKbps)));
  return qualityOnDevices({ phone: saturating(GUESS_KBPS.phone), desktop: saturating(GUESS_KBPS.desktop) });
}

/**
 * More bits of one codec never look worse, so what says otherwise is noise of two short windows: isotonic regression over bitrate, per
 * device. Input and output in the same, arbitrary order.
 */
export function smoothOverBitrate<T extends { codec?: string; bitrateKbps: number; phone: number; desktop: number }>(
  measured: readonly T[],
): T[] {
  const smooth = new Map<T, T>();
  for (const codec of new Set(measured.map((item) => item.codec))) {
    const alike = measured.filter((item) => item.codec === codec);
    for (const [index, item] of smoothAlike(alike).entries()) smooth.set(alike[index] ?? item, item);
  }
  return measured.map((item) => smooth.get(item) ?? item);
}

function smoothAlike<T extends { bitrateKbps: number; phone: number; desktop: number }>(measured: readonly T[]): T[] {
  const rising = measured.map((_, index) => index).sort((a, b) => kbps(a) - kbps(b));
  function kbps(index: number): number {
    return measured[index]?.bitrateKbps ?? 0;
  }
  const phone = isotonic(rising.map((index) => measured[index]?.phone ?? 0));
  const desktop = isotonic(rising.map((index) => measured[index]?.desktop ?? 0));
  return measured.map((item, index) => {
    const rank = rising.indexOf(index);
    return { ...item, phone: phone[rank] ?? item.phone, desktop: desktop[rank] ?? item.desktop };
  });
}
