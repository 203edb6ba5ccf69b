import type { Arm } from '../../domain/index.ts';

/** Lines at which two ladders are compared: what differs nowhere in between is one ladder. */
const LEAST_KBPS = 100;
const MOST_KBPS = 12_000;
const STEPS = 48;

/** log₂ of the rung a line holds. */
function heldAt(rungs: readonly number[], kbps: number): number {
  return Math.log2(rungs.findLast((rung) => rung <= kbps) ?? rungs[0] ?? kbps);
}

/** Mean factor (≥ 1) between the rungs that two ladders (rising kbit/s) give the same line, over all lines alike. */
export function ladderDistance(left: readonly number[], right: readonly number[]): number {
  let sum = 0;
  for (let step = 0; step < STEPS; step += 1) {
    const kbps = LEAST_KBPS * (MOST_KBPS / LEAST_KBPS) ** (step / (STEPS - 1));
    sum += Math.abs(heldAt(left, kbps) - heldAt(right, kbps));
  }
  return 2 ** (sum / STEPS);
}

export const kbpsOf = ({ rungs }: Pick<Arm, 'rungs'>): number[] => rungs.map(({ bitrateKbps }) => bitrateKbps);

/** Ladders in their order without those nearer than `factor` to one before them or to one of `known`. */
export function withoutTwins(
  ladders: readonly (readonly number[])[],
  known: readonly (readonly number[])[],
  factor: number,
): number[][] {
  const kept: number[][] = [];
  for (const ladder of ladders) {
    const isTwin = [...known, ...kept].some((other) => ladderDistance(ladder, other) < factor);
    if (!isTwin) kept.push([...ladder]);
  }
  return kept;
}
