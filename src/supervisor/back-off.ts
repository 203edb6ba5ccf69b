/** How long to wait before a crashed child is started again; all in ms. */
export type BackOff = {
  firstMs: number;
  maxMs: number;
  /** A child that was ready for this long has recovered: its next crash counts as its first. */
  resetAfterMs: number;
};

/** Quick enough that a player's retry never notices, slow enough that a broken install does not burn a core. */
export const DEFAULT_BACK_OFF: BackOff = { firstMs: 250, maxMs: 10_000, resetAfterMs: 30_000 };

/** Delay before the next start after `failures` (>= 1) crashes in a row: doubling, capped at `maxMs`. */
export function restartDelayMs(backOff: BackOff, failures: number): number {
  return Math.min(backOff.maxMs, backOff.firstMs * 2 ** Math.max(0, failures - 1));
}

/** Crashes in a row, counting the one that just ended a run which was ready for `readyForMs` (0: never ready). */
export function failuresAfterExit(backOff: BackOff, failuresBefore: number, readyForMs: number): number {
  return readyForMs >= backOff.resetAfterMs ? 1 : failuresBefore + 1;
}
