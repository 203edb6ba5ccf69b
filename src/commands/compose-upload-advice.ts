import { LRUCache } from 'lru-cache';
import type { UploadMeter } from '../api/upload-meter.ts';
import type { Context } from '../domain/index.ts';
import { ASSUMED_UPLINKS, type KnownUplinks, type MeasuredUplink, MIN_UPLOADS } from '../policy/upload-advice.ts';
import type { Uplinks } from '../telemetry/read-uplinks.ts';

type Where = Pick<Context, 'region' | 'device'>;
type Ports = {
  readUplinks(where: Partial<Where>): Promise<Uplinks>;
  groupOf(region: string): string;
  meter: Pick<UploadMeter, 'soFar'>;
};

/** Lines change with seasons; a busy front page asks every second. */
const FRESH_MS = 5 * 60_000;
const CACHED_PLACES = 2_000;
/** Fewer bytes sit in the buffers between two machines. */
const MIN_BYTES = 256 * 1024;

/** What is known of uplinks, remembered for a while, and still while the database is away. */
export function composeUploadAdvice({ readUplinks, groupOf, meter }: Ports) {
  const places = new LRUCache<string, KnownUplinks>({
    max: CACHED_PLACES,
    ttl: FRESH_MS,
    allowStaleOnFetchRejection: true,
    fetchMethod: (key) => findUplinks(readUplinks, JSON.parse(key)),
  });
  return {
    async knownUplinks({ region, device }: Where): Promise<KnownUplinks> {
      const place: Where = { region: groupOf(region), device };
      const known = await places.fetch(JSON.stringify(place)).catch(() => undefined);
      return known ?? ASSUMED_UPLINKS;
    },
    async measuredUplink(uploadId: string): Promise<MeasuredUplink | null> {
      const figures = await meter.soFar(uploadId);
      if (figures === null || figures.bytes < MIN_BYTES || figures.elapsedMs <= 0) return null;
      return { bytes: figures.bytes, kbps: (figures.bytes * 8) / figures.elapsedMs };
    },
  };
}

/** The narrowest place with enough uploads: region and device, the region, everywhere. */
async function findUplinks(readUplinks: Ports['readUplinks'], { region, device }: Where): Promise<KnownUplinks> {
  const levels = [
    { fallbackLevel: 'cell', where: { region, device } },
    { fallbackLevel: 'region', where: { region } },
    { fallbackLevel: 'global', where: {} },
  ] as const;
  for (const { fallbackLevel, where } of levels) {
    const { uploads, uplinkKbps } = await readUplinks(where);
    if (uplinkKbps !== null && uploads >= MIN_UPLOADS) return { fallbackLevel, uploads, uplinkKbps };
  }
  return ASSUMED_UPLINKS;
}
