import { createHmac } from 'node:crypto';
import type { Logger } from 'pino';
import type { AssetDocument, EncodePlan, Source } from '../domain/index.ts';
import { predictAudience } from '../policy/audience.ts';
import { audienceIsCold } from '../policy/audience-value.ts';
import { planEncode } from '../policy/encode-plan.ts';
import { PolicyMissingError, type Registry } from '../policy/registry.ts';
import type { Database } from '../telemetry/database.ts';
import { readAudienceViews } from '../telemetry/read-audience.ts';

type Ports = { registry: Registry; database: Pick<Database, 'query'>; secret: string; log: Logger };

/** Bytes below which a transfer says nothing about the line it came over. */
const MIN_MEASURED_BYTES = 256 * 1024;
const TWO_POW_48 = 2 ** 48;

/**
 * Plans assets by the current policy, the predicted audience and the uploader's measured line. Without ClickHouse the
 * audience is taken for unknown: an upload never waits for analytics.
 */
export function composeEncodePlan(ports: Ports) {
  const draw = (assetId: string, purpose: string): number =>
    createHmac('sha256', ports.secret).update(`nara.v1.${purpose}\n${assetId}`).digest().readUIntBE(0, 6) / TWO_POW_48;

  return async ({ asset, source }: { asset: AssetDocument; source: Source }): Promise<EncodePlan> => {
    const policy = await ports.registry.loadCurrent();
    if (policy === null)
      throw new PolicyMissingError('policy: expected a config and an allocation in the store (got none)');
    const views = await readAudienceViews(ports.database, asset.owner, asset.context.region).catch((error: Error) => {
      ports.log.warn({ err: error, assetId: asset.id }, 'planning without knowing the audience');
      return { owner: [], region: [], everyone: [] };
    });
    const audience = predictAudience({
      ownerViews: views.owner,
      regionViews: views.region,
      everyoneViews: views.everyone,
      uploaderContext: asset.context,
    });
    return planEncode({
      config: policy.config,
      allocation: policy.allocation,
      audience,
      source,
      uplinkKbps: uplinkKbpsOf(asset),
      holdoutDraw: draw(asset.id, 'holdout'),
      panelDraw: draw(asset.id, 'lift-panel'),
      cold: audienceIsCold(policy, audience),
    });
  };
}

function uplinkKbpsOf({ upload }: AssetDocument): number | null {
  if (upload === null || upload.bytes < MIN_MEASURED_BYTES || upload.elapsedMs <= 0) return null;
  return (upload.bytes * 8) / upload.elapsedMs;
}
