import { type Audience, type Context, contextKey, type Device } from '../domain/index.ts';

/** Views counted in one context; `lines` are those that told the bitrate of theirs. */
export type ContextViews = Context & {
  views: number;
  playedSeconds?: number;
  lines?: readonly (readonly [kbps: number, views: number])[];
};

/** Who watched, and over how many assets. */
export type AudienceViews = { contexts: readonly ContextViews[]; assets: number };

/** Fewer views than this say too little about the next ones: shares would be off by more than about ten points. */
export const MIN_AUDIENCE_VIEWS = 30;
/** Contexts kept; what is left out is spread over the kept ones. Bounds the plan stored with every asset. */
const MAX_CONTEXTS = 24;

/** How people watch where nothing has been measured: mostly on phones. */
export const COLD_DEVICE_SHARES: Readonly<Record<Exclude<Device, 'unknown'>, number>> = {
  phone: 0.55,
  desktop: 0.25,
  tv: 0.12,
  tablet: 0.08,
};

function merged(counts: readonly ContextViews[]): ContextViews[] {
  const byKey = new Map<string, ContextViews>();
  for (const { region, device, connection, views } of counts) {
    if (!(views > 0)) continue;
    const key = contextKey({ region, device, connection });
    byKey.set(key, { region, device, connection, views: (byKey.get(key)?.views ?? 0) + views });
  }
  return [...byKey.values()].sort(
    (left, right) => right.views - left.views || (contextKey(left) < contextKey(right) ? -1 : 1),
  );
}

const totalViews = (counts: readonly { views: number }[]): number => counts.reduce((sum, { views }) => sum + views, 0);

/**
 * Who will watch an upload: the mix of the owner's own viewers, else of its region's, else of everyone's, else the uploader's
 * region with stated device shares. The first level with MIN_AUDIENCE_VIEWS views speaks.
 */
export function predictAudience(input: {
  owner: AudienceViews;
  region: AudienceViews;
  everyone: AudienceViews;
  uploaderContext: Context;
}): Audience {
  const watchSeconds = expectedWatchSeconds(input);
  const levels = [
    { level: 'owner', counts: merged(input.owner.contexts), seen: input.owner },
    { level: 'region', counts: merged(input.region.contexts), seen: input.region },
    { level: 'everyone', counts: merged(input.everyone.contexts), seen: input.everyone },
  ] as const;
  const speaking = levels.find(({ counts }) => totalViews(counts) >= MIN_AUDIENCE_VIEWS);
  if (!speaking) {
    const { region } = input.uploaderContext;
    const shares = Object.entries(COLD_DEVICE_SHARES) as [Device, number][];
    return {
      level: 'cold',
      views: 0,
      shares: shares.map(([device, share]) => ({ region, device, connection: 'unknown', share })),
      watchSeconds,
    };
  }
  const kept = speaking.counts.slice(0, MAX_CONTEXTS);
  const all = totalViews(kept);
  const lineKbps = lineQuantiles(speaking.seen.contexts);
  return {
    level: speaking.level,
    views: Math.round(totalViews(speaking.counts)),
    shares: kept.map(({ region, device, connection, views }) => ({ region, device, connection, share: views / all })),
    watchSeconds,
    ...(lineKbps === null ? {} : { lineKbps }),
  };
}

/** An owner's own assets say more about the next one than everybody's once there are about so many of them. */
const WATCH_PRIOR_ASSETS = 5;
/** Before anything was watched: a hundred views of a minute. */
const ASSUMED_WATCH_SECONDS = 6_000;

/** Seconds an asset is expected to be watched over four weeks: the owner's mean, drawn to everybody's, drawn to an assumption. */
function expectedWatchSeconds({ owner, everyone }: { owner: AudienceViews; everyone: AudienceViews }): number {
  const towards = ({ contexts, assets }: AudienceViews, prior: number): number => {
    if (assets === 0) return prior;
    const seconds = contexts.reduce((sum, { playedSeconds = 0 }) => sum + playedSeconds, 0);
    return (seconds + WATCH_PRIOR_ASSETS * prior) / (assets + WATCH_PRIOR_ASSETS);
  };
  return Math.round(towards(owner, towards(everyone, ASSUMED_WATCH_SECONDS)));
}

/** Quantiles of an audience's lines; null where too few told theirs. */
function lineQuantiles(contexts: readonly ContextViews[]): Audience['lineKbps'] | null {
  const sorted = contexts.flatMap(({ lines = [] }) => lines).toSorted(([left], [right]) => left - right);
  const all = sorted.reduce((sum, [, views]) => sum + views, 0);
  if (all < MIN_AUDIENCE_VIEWS) return null;
  const quantile = (share: number): number => {
    let seen = 0;
    const found = sorted.find(([, views]) => {
      seen += views;
      return seen >= share * all;
    });
    return Math.round(found?.[0] ?? 0);
  };
  return { p10: quantile(0.1), p50: quantile(0.5), p95: quantile(0.95) };
}
