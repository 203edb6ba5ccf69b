import { type Audience, type Context, contextKey, type Device } from '../domain/index.ts';

/** Views counted in one context. */
export type ContextViews = Context & { views: number };

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

const totalViews = (counts: readonly ContextViews[]): number => counts.reduce((sum, { views }) => sum + views, 0);

/**
 * Who will watch an upload: the mix of the owner's own viewers, else of its region's, else of everyone's, else the uploader's
 * region with stated device shares. The first level with MIN_AUDIENCE_VIEWS views speaks.
 */
export function predictAudience(input: {
  ownerViews: readonly ContextViews[];
  regionViews: readonly ContextViews[];
  everyoneViews: readonly ContextViews[];
  uploaderContext: Context;
}): Audience {
  const levels = [
    { level: 'owner', counts: merged(input.ownerViews) },
    { level: 'region', counts: merged(input.regionViews) },
    { level: 'everyone', counts: merged(input.everyoneViews) },
  ] as const;
  const speaking = levels.find(({ counts }) => totalViews(counts) >= MIN_AUDIENCE_VIEWS);
  if (!speaking) {
    const { region } = input.uploaderContext;
    const shares = Object.entries(COLD_DEVICE_SHARES) as [Device, number][];
    return {
      level: 'cold',
      views: 0,
      shares: shares.map(([device, share]) => ({ region, device, connection: 'unknown', share })),
    };
  }
  const kept = speaking.counts.slice(0, MAX_CONTEXTS);
  const all = totalViews(kept);
  return {
    level: speaking.level,
    views: Math.round(totalViews(speaking.counts)),
    shares: kept.map(({ views, ...context }) => ({ ...context, share: views / all })),
  };
}
