import type { Context } from '../domain/index.ts';

type Cell = Pick<Context, 'region' | 'device'>;

/** Who was expected to watch an asset, and who came. */
export type PredictedAndCame = {
  owner: string;
  level: string;
  predicted: readonly (Cell & { share: number })[];
  came: readonly (Cell & { views: number })[];
  predictedWatchSeconds: number | null;
  cameWatchSeconds: number;
  isWhole: boolean;
};

/** Mean over assets with its 95 % interval; numerator ÷ denominator. */
export type MeanOverAssets = {
  value: number | null;
  numerator: number;
  denominator: number;
  n: number;
  ci95: [number, number] | null;
};

/** How far predictions were off. */
export type AudienceError = {
  /** `all`, or how specific the prediction was. */
  level: string;
  /** Share of views, 0..1, that came from elsewhere than predicted: total variation distance over region × device. */
  error: MeanOverAssets;
  /** What that would be by chance alone were every prediction exact: assets have only so many views. */
  chance: number | null;
  /** Mean log₂ of seconds watched ÷ predicted, over assets whose four weeks are over: 1 is twice as much as expected. */
  watchOctaves: MeanOverAssets;
};

const Z95 = 1.959964;

/** The audience prediction's error, over all assets and by how specific the prediction was. */
export function audienceErrors(assets: readonly PredictedAndCame[]): AudienceError[] {
  const levels = [...new Set(assets.map(({ level }) => level))].sort();
  return [
    errorOf('all', assets),
    ...levels.map((level) =>
      errorOf(
        level,
        assets.filter((asset) => asset.level === level),
      ),
    ),
  ];
}

function errorOf(level: string, assets: readonly PredictedAndCame[]): AudienceError {
  const distances = assets.map(distanceOf);
  const whole = assets.flatMap(({ isWhole, predictedWatchSeconds, cameWatchSeconds }) =>
    isWhole && predictedWatchSeconds !== null && predictedWatchSeconds > 0 && cameWatchSeconds > 0
      ? [Math.log2(cameWatchSeconds / predictedWatchSeconds)]
      : [],
  );
  const chances = assets.map(chanceDistance);
  return {
    level,
    error: meanOf(distances),
    chance: chances.length === 0 ? null : chances.reduce((sum, each) => sum + each, 0) / chances.length,
    watchOctaves: meanOf(whole),
  };
}

const keyOf = ({ region, device }: Cell): string => `${region}\n${device}`;

function sharesOf(cells: readonly (Cell & { weight: number })[]): Map<string, number> {
  const all = cells.reduce((sum, { weight }) => sum + weight, 0);
  const shares = new Map<string, number>();
  for (const cell of cells) shares.set(keyOf(cell), (shares.get(keyOf(cell)) ?? 0) + cell.weight / all);
  return shares;
}

const predictedShares = ({ predicted }: PredictedAndCame): Map<string, number> =>
  sharesOf(predicted.map(({ share, ...cell }) => ({ ...cell, weight: share })));

/** Half the sum of differences between shares, 0..1. */
function distanceOf(asset: PredictedAndCame): number {
  const predicted = predictedShares(asset);
  const came = sharesOf(asset.came.map(({ views, ...cell }) => ({ ...cell, weight: views })));
  const keys = new Set([...predicted.keys(), ...came.keys()]);
  return [...keys].reduce((sum, key) => sum + Math.abs((predicted.get(key) ?? 0) - (came.get(key) ?? 0)), 0) / 2;
}

/** E|p̂ − p| of a share p among n views is about √(2p(1 − p) ÷ πn). */
function chanceDistance(asset: PredictedAndCame): number {
  const views = asset.came.reduce((sum, each) => sum + each.views, 0);
  const shares = [...predictedShares(asset).values()];
  return shares.reduce((sum, p) => sum + Math.sqrt((2 * p * (1 - p)) / (Math.PI * views)), 0) / 2;
}

function meanOf(values: readonly number[]): MeanOverAssets {
  const n = values.length;
  const numerator = values.reduce((sum, value) => sum + value, 0);
  if (n === 0) return { value: null, numerator: 0, denominator: 0, n: 0, ci95: null };
  const value = numerator / n;
  if (n < 2) return { value, numerator, denominator: n, n, ci95: null };
  const variance = values.reduce((sum, each) => sum + (each - value) ** 2, 0) / (n - 1);
  const half = Z95 * Math.sqrt(variance / n);
  return { value, numerator, denominator: n, n, ci95: [value - half, value + half] };
}
