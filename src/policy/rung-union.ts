import type { LadderRung } from '../domain/index.ts';

/** How far apart two bitrates are, as a ratio ≥ 1. */
export const ratioOf = (left: LadderRung, right: LadderRung): number =>
  Math.max(left.bitrateKbps / right.bitrateKbps, right.bitrateKbps / left.bitrateKbps);

const isCovered = (rung: LadderRung, union: readonly LadderRung[], mergeRatio: number): boolean =>
  union.some((other) => ratioOf(rung, other) < mergeRatio);

/** By rising bitrate, the rungs of `union` and those of `ladder` that are not merged into one already there. */
export function mergeRungs(
  union: readonly LadderRung[],
  ladder: readonly LadderRung[],
  mergeRatio: number,
): LadderRung[] {
  const merged = [...union];
  for (const rung of ladder) if (!isCovered(rung, merged, mergeRatio)) merged.push(rung);
  return merged.sort((left, right) => left.bitrateKbps - right.bitrateKbps);
}

/** Share of a ladder's rungs (0..1) that the union stands for; at 1 the ladder can be given as it was meant. */
export function coverage(ladder: readonly LadderRung[], union: readonly LadderRung[], mergeRatio: number): number {
  return ladder.filter((rung) => isCovered(rung, union, mergeRatio)).length / ladder.length;
}

/** At most `count` rungs spread evenly over a ladder, its ends among them (its floor alone when one is left). */
export function thinRungs(rungs: readonly LadderRung[], count: number): LadderRung[] {
  if (rungs.length <= count) return [...rungs];
  if (count === 1) return rungs.slice(0, 1);
  const step = (rungs.length - 1) / (count - 1);
  return Array.from({ length: count }, (_, index) => rungs[Math.round(index * step)]).filter(
    (rung) => rung !== undefined,
  );
}
