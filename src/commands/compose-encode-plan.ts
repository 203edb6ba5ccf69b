import { createHmac } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Logger } from 'pino';
import type { AssetDocument, Clock, EncodePlan, Source } from '../domain/index.ts';
import { predictAudience } from '../policy/audience.ts';
import { audienceIsCold } from '../policy/audience-value.ts';
import { assignmentOf } from '../policy/encode-group.ts';
import { planEncode as planRungs } from '../policy/encode-plan.ts';
import { PolicyMissingError, type Registry } from '../policy/registry.ts';
import type { Database } from '../telemetry/database.ts';
import { readAudienceViews } from '../telemetry/read-audience.ts';

type Ports = {
  registry: Pick<Registry, 'loadCurrent'>;
  database: Pick<Database, 'query'>;
  secret: string;
  clock: Clock;
  log: Logger;
};

/** Bytes below which a transfer says nothing about the line it came over. */
const MIN_MEASURED_BYTES = 256 * 1024;
const TWO_POW_48 = 2 ** 48;

/** Long enough to be asked before it is needed, and to be shared by uploads that come together. */
const AUDIENCE_FRESH_MS = 5_000;
const AUDIENCES = 1_000;
const NOBODY = {
  owner: { contexts: [], assets: 0 },
  region: { contexts: [], assets: 0 },
  everyone: { contexts: [], assets: 0 },
};

/**
 * Plans assets by the current policy, the predicted audience and the uploader's measured line. Without ClickHouse the
 * audience is taken for unknown: an upload never waits for analytics.
 */
export function composeEncodePlan(ports: Ports) {
  const draw = (assetId: string, purpose: string): number =>
    createHmac('sha256', ports.secret).update(`nara.v1.${purpose}\n${assetId}`).digest().readUIntBE(0, 6) / TWO_POW_48;

  const audiences = new LRUCache<string, ReturnType<typeof readAudienceViews>>({
    max: AUDIENCES,
    ttl: AUDIENCE_FRESH_MS,
  });

  /** Asked before the answer is needed, the query runs beside the probe. */
  function viewsOf({ id, owner, context }: AssetDocument): ReturnType<typeof readAudienceViews> {
    const key = `${owner}\n${context.region}`;
    const known = audiences.get(key);
    if (known !== undefined) return known;
    const asked = readAudienceViews(ports.database, owner, context.region).catch((error: Error) => {
      ports.log.warn({ err: error, assetId: id }, 'planning without knowing the audience');
      audiences.delete(key);
      return NOBODY;
    });
    audiences.set(key, asked);
    return asked;
  }

  async function planEncode({ asset, source }: { asset: AssetDocument; source: Source }): Promise<EncodePlan> {
    const policy = await ports.registry.loadCurrent();
    if (policy === null)
      throw new PolicyMissingError('policy: expected a config and an allocation in the store (got none)');
    const views = await viewsOf(asset);
    const audience = predictAudience({ ...views, uploaderContext: asset.context });
    const plan = planRungs({
      config: policy.config,
      allocation: policy.allocation,
      audience,
      source,
      durationMs: asset.durationMs > 0 ? asset.durationMs : null,
      uplinkKbps: uplinkKbpsOf(asset),
      draws: {
        holdout: draw(asset.id, 'holdout'),
        superset: draw(asset.id, 'superset'),
        panel: draw(asset.id, 'lift-panel'),
      },
      assigned: asset.plan && assignmentOf(asset.plan),
      cold: audienceIsCold(policy, audience),
    });
    return { ...plan, plannedAt: new Date(ports.clock.nowMs()).toISOString() };
  }

  return { planEncode, expectPlan: (asset: AssetDocument): void => void viewsOf(asset) };
}

function uplinkKbpsOf({ upload }: AssetDocument): number | null {
  if (upload === null || upload.bytes < MIN_MEASURED_BYTES || upload.elapsedMs <= 0) return null;
  return (upload.bytes * 8) / upload.elapsedMs;
}
