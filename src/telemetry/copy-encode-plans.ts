import type { AssetDocument, EncodePlan } from '../domain/index.ts';
import type { Database } from './database.ts';
import { toClickHouseTime } from './event-line.ts';
import { KEPT_DAYS } from './schema/tables.ts';

// Lifecycle: `createEncodePlanCopier` remembers which assets need no more looking at; each `copy` reads the plans that are new in
// the media store and inserts them. Copying one twice changes nothing.

/** Assets as the media store has them. */
export type PlannedAssets = {
  list(): Promise<string[]>;
  read(assetId: string): Promise<AssetDocument | null>;
};

/** Documents read at a time: a large library that was never copied comes in over some turns. */
const READ_AT_ONCE = 500;
const DAY_MS = 86_400_000;

/** Logs every plan's group, probability and predicted audience; the media store stays the truth. `copy` throws DatabaseError. */
export function createEncodePlanCopier(
  database: Pick<Database, 'query' | 'insertRows'>,
  assets: PlannedAssets,
  nowMs: () => number,
): { copy(): Promise<number> } {
  const settled = new Set<string>();
  let asked = false;
  return {
    async copy() {
      if (!asked) {
        for (const { id } of await database.query<{ id: string }>('SELECT asset_id AS id FROM encode_plans'))
          settled.add(id);
        asked = true;
      }
      const fresh = (await assets.list()).filter((assetId) => !settled.has(assetId)).slice(0, READ_AT_ONCE);
      const read = await Promise.all(fresh.map((assetId) => assets.read(assetId).catch(() => null)));
      const rows = read.flatMap((asset) => (asset === null ? [] : rowOf(asset, nowMs() - KEPT_DAYS * DAY_MS)));
      if (rows.length > 0) await database.insertRows('encode_plans', rows);
      // An upload that has no plan yet is looked at again.
      for (const [index, assetId] of fresh.entries()) if (isSettled(read[index] ?? null)) settled.add(assetId);
      return rows.length;
    },
  };
}

const isSettled = (asset: AssetDocument | null): boolean =>
  asset !== null && (asset.plan !== null || asset.state === 'failed' || asset.kind === 'external');

/** Plans that say when they were made and how likely their group was; older ones prove nothing. */
function rowOf({ id, duplicateOf, plan }: AssetDocument, sinceMs: number): Record<string, unknown>[] {
  if (plan?.assignment === undefined || plan.plannedAt === undefined || Date.parse(plan.plannedAt) < sinceMs) return [];
  return [{ asset_id: id, unit_id: duplicateOf ?? id, ...planRow(plan, plan.assignment, plan.plannedAt) }];
}

function planRow(
  { configVersion, allocationVersion, audience, rungs }: EncodePlan,
  { group, propensity, cold }: NonNullable<EncodePlan['assignment']>,
  plannedAt: string,
): Record<string, unknown> {
  return {
    planned_at: toClickHouseTime(Date.parse(plannedAt)),
    config_version: configVersion,
    allocation_version: allocationVersion,
    encode_group: group,
    propensity,
    cold,
    audience_level: audience.level,
    regions: audience.shares.map(({ region }) => region),
    devices: audience.shares.map(({ device }) => device),
    shares: audience.shares.map(({ share }) => share),
    watch_seconds: audience.watchSeconds ?? null,
    rung_kbps: rungs.map(({ bitrateKbps }) => bitrateKbps),
  };
}
