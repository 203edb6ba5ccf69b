import type { LadderRung, PolicyConfig, RewardWeights, Source } from '../domain/index.ts';
import { shortSide } from './resolve-arm.ts';

/** Pixels encoded per second of processor time by the first encode's preset; measured at 360p. */
const PIXELS_PER_CPU_SECOND = 55e6;

/** A reward point over a second of playing, in megabytes sent: what `deliveredMbps` says the platform would rather spend. */
export function megabytesPerPointSecond({ deliveredMbps }: Pick<RewardWeights, 'deliveredMbps'>): number | null {
  return deliveredMbps > 0 ? 1 / (8 * deliveredMbps) : null;
}

type Prices = PolicyConfig['encode']['prices'];

/** Cents of encoding a rung of this source for so long, and of keeping it. */
export function rungCents(
  rung: Pick<LadderRung, 'height' | 'bitrateKbps'>,
  source: Pick<Source, 'width' | 'height'> & { fps?: number },
  durationMs: number,
  prices: Prices,
): { encode: number; storage: number } {
  const seconds = durationMs / 1000;
  const sourceRate = source.width * source.height * (source.fps ?? USUAL_FPS);
  const scale = Math.min(1, rung.height / shortSide(source));
  const cpuSeconds = (seconds * sourceRate * scale ** 2) / PIXELS_PER_CPU_SECOND;
  const gigabytes = (rung.bitrateKbps * seconds) / 8e6;
  return {
    encode: (cpuSeconds / 3600) * prices.cpuHour,
    storage: gigabytes * prices.storedGbMonth * prices.keptMonths,
  };
}

/** Where a probe has not said. */
const USUAL_FPS = 30;

/**
 * Points per view second that making and keeping a rung costs the audience, egress being in the ladders' own points already. What is
 * spent once is spread over the seconds that people will watch; where those, the length or the price of a point are unknown there is
 * only the flat `rungCostPoints`.
 */
export function priceRungs(input: {
  settings: Pick<PolicyConfig['encode'], 'rungCostPoints' | 'prices'>;
  reward: Pick<RewardWeights, 'deliveredMbps'>;
  source: Pick<Source, 'width' | 'height'> & { fps?: number };
  durationMs: number | null;
  watchSeconds: number | undefined;
}): (rung: LadderRung) => number {
  const { settings, source, durationMs, watchSeconds } = input;
  const megabytes = megabytesPerPointSecond(input.reward);
  if (megabytes === null || !durationMs || !watchSeconds || settings.prices.egressGb <= 0) {
    return () => settings.rungCostPoints;
  }
  const centsPerPoint = (megabytes / 1000) * settings.prices.egressGb * watchSeconds;
  return (rung) => {
    const { encode, storage } = rungCents(rung, source, durationMs, settings.prices);
    return settings.rungCostPoints + (encode + storage) / centsPerPoint;
  };
}
