import type { Arm } from '../domain/index.ts';
import { add, at, type Matrix, zeros } from './matrix.ts';

/** ln(Mbit/s) of a context's lines, as its views knew them beforehand. */
export type LineSpread = { mean: number; sd: number };

/** Lines are looked at around these rates (Mbit/s); between them features change linearly in log-rate. */
const KNOTS_MBPS = [0.2, 0.6, 1.8, 5.4, 16];
/**
 * Of a ladder at a line: log₂ of the rung it can hold, the tenths of the time its lowest rung must stall, the bits it takes, and log₂ of
 * the rung that is left when the line falls to a third (or the player is that careful).
 */
const FEATURES_PER_KNOT = 4;
export const RESPONSE_FEATURES = KNOTS_MBPS.length * FEATURES_PER_KNOT;

/** Players hold what takes about this share of the line. */
const HELD_SHARE = 0.75;
/** Beyond it the default reward sees no difference. */
const CLIPPED_STALL_RATIO = 0.5;
/** How much less than the line a player may go by. */
const FALLEN_SHARE = HELD_SHARE / 3;
/** A line moves while it is watched, whatever it was beforehand (sd of its logarithm). */
export const WITHIN_VIEW_SD = 0.5;
const GRID_STEPS = 32;
const LOWEST = Math.log(0.05);
const HIGHEST = Math.log(40);

/** Share of a grid line that belongs to each knot; they sum to 1. */
function knotShares(logMbps: number): number[] {
  const knots = KNOTS_MBPS.map(Math.log);
  return knots.map((knot, index) => {
    const [below, above] = [knots[index - 1], knots[index + 1]];
    if (logMbps <= knot) return below === undefined ? 1 : Math.max(0, (logMbps - below) / (knot - below));
    return above === undefined ? 1 : Math.max(0, (above - logMbps) / (above - knot));
  });
}

/** What a ladder is on a line: the four features. */
function onLine(arm: Pick<Arm, 'rungs'>, mbps: number): [number, number, number, number] {
  const rates = arm.rungs.map(({ bitrateKbps }) => bitrateKbps / 1000);
  const floor = rates[0] ?? 0;
  const heldAt = (share: number): number => rates.findLast((rate) => rate <= mbps * share) ?? floor;
  const held = heldAt(HELD_SHARE);
  return [
    Math.log2(held),
    10 * Math.min(CLIPPED_STALL_RATIO, Math.max(0, 1 - mbps / floor)),
    held,
    Math.log2(heldAt(FALLEN_SHARE)),
  ];
}

/**
 * Φ (arms × RESPONSE_FEATURES): what tells the arms apart on a context's lines, less what the first arm (the baseline) is. Ladders
 * that give these lines the same are the same here, however they differ elsewhere: that is what lets arms and contexts teach each other.
 */
export function responseFeatures(arms: readonly Pick<Arm, 'rungs'>[], { mean, sd }: LineSpread): Matrix {
  const spread = Math.hypot(sd, WITHIN_VIEW_SD);
  const features = zeros(arms.length, RESPONSE_FEATURES);
  let total = 0;
  for (let step = 0; step < GRID_STEPS; step += 1) {
    const logMbps = LOWEST + ((HIGHEST - LOWEST) * step) / (GRID_STEPS - 1);
    const weight = Math.exp(-(((logMbps - mean) / spread) ** 2) / 2);
    const shares = knotShares(logMbps);
    total += weight;
    for (const [row, arm] of arms.entries()) {
      const values = onLine(arm, Math.exp(logMbps));
      for (const [knot, share] of shares.entries()) {
        for (const [feature, value] of values.entries()) {
          add(features, row, knot * FEATURES_PER_KNOT + feature, weight * share * value);
        }
      }
    }
  }
  const baseline = features.data.slice(0, RESPONSE_FEATURES);
  for (let row = 0; row < arms.length; row += 1) {
    for (let column = 0; column < RESPONSE_FEATURES; column += 1) {
      const index = row * RESPONSE_FEATURES + column;
      features.data[index] = total > 0 ? (at(features, row, column) - (baseline[column] ?? 0)) / total : 0;
    }
  }
  return features;
}
