import { seededRng } from '../../policy/seeded-rng.ts';
import { drawViewer, type SyntheticViewer, type ViewerPopulation } from '../../simulation/synthetic-viewer.ts';

/** Where a clip is uploaded from; most of its viewers are there too. */
export type DemoPlace = { region: string; owner: string; device: 'phone' | 'desktop' };

/** Two made-up audiences. The countries only give them names: the lines are generated, not measured there. */
export const PLACES: { slow: DemoPlace; fast: DemoPlace } = {
  slow: { region: 'IN', owner: 'mumbai-studio', device: 'phone' },
  fast: { region: 'SE', owner: 'malmo-studio', device: 'desktop' },
};

/**
 * Who uploads the same clips once something has been learned: others of the same regions, since one owner's same file would be
 * served from what it was encoded to already.
 */
export const NEIGHBOURS: typeof PLACES = {
  slow: { region: 'IN', owner: 'pune-studio', device: 'phone' },
  fast: { region: 'SE', owner: 'lund-studio', device: 'desktop' },
};

const WATCH_MEDIAN_MS = 120_000;
/** Of the viewers of a region: the rest watch the other region's clip. */
const HOME_SHARE = 0.95;

/** Everybody who watches. Within a context all people are drawn alike, whatever ladder they are going to be offered. */
export const POPULATIONS: readonly ViewerPopulation[] = [
  {
    context: { region: PLACES.slow.region, device: 'phone', connection: 'cellular' },
    traceKind: 'cellular-3g',
    watchMedianMs: WATCH_MEDIAN_MS,
  },
  {
    context: { region: PLACES.slow.region, device: 'desktop', connection: 'cellular' },
    traceKind: 'cellular-3g',
    watchMedianMs: WATCH_MEDIAN_MS,
  },
  {
    context: { region: PLACES.fast.region, device: 'phone', connection: 'wifi' },
    traceKind: 'fibre',
    watchMedianMs: WATCH_MEDIAN_MS,
  },
  {
    context: { region: PLACES.fast.region, device: 'desktop', connection: 'wired' },
    traceKind: 'fibre',
    watchMedianMs: WATCH_MEDIAN_MS,
  },
];

/** One person about to watch one clip. */
export type PlannedView = { sessionId: string; assetId: string; viewer: SyntheticViewer };

/** The people of one round: `perContext` of each population, in an order that mixes them. */
export function planRound(round: number, perContext: number, assetIds: { slow: string; fast: string }): PlannedView[] {
  const crowds = POPULATIONS.map((population) => {
    const { region, device } = population.context;
    const rng = seededRng(round, contextName(population.context));
    const [home, away] =
      region === PLACES.slow.region ? [assetIds.slow, assetIds.fast] : [assetIds.fast, assetIds.slow];
    return Array.from({ length: perContext }, (_, index) => ({
      sessionId: `demo-${round}-${region}-${device}-${index}`,
      assetId: rng() < HOME_SHARE ? home : away,
      viewer: drawViewer(population, rng),
    }));
  });
  return Array.from({ length: perContext }, (_, index) => crowds.flatMap((crowd) => crowd[index] ?? [])).flat();
}

/** A context in words: `IN phone`. */
export function contextName({ region, device }: { region: string; device: string }): string {
  return `${region} ${device}`;
}
