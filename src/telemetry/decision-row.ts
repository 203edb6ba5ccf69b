import type { Codec, Decision, DecisionRecord, Rollout } from '../domain/index.ts';
import type { Database } from './database.ts';
import { toClickHouseTime } from './event-line.ts';
import { timeSql } from './schema/view-scope.ts';

/** A decision as a row of the `decisions` table. */
export function toDecisionRow(record: DecisionRecord): Record<string, unknown> {
  return {
    view_id: record.viewId,
    session_id: record.sessionId,
    asset_id: record.assetId,
    generation: record.generation,
    decided_at: toClickHouseTime(Date.parse(record.decidedAt)),
    config_version: record.configVersion,
    allocation_version: record.allocationVersion,
    revision: record.revision,
    ...record.context,
    fallback_level: record.fallbackLevel,
    arm: record.arm,
    set_hash: record.setHash,
    propensity: record.propensity,
    eligible_arms: record.eligible.map((entry) => entry.arm),
    eligible_propensities: record.eligible.map((entry) => entry.propensity),
    eligible_sets: record.eligible.map((entry) => entry.setHash),
    reason: record.reason,
    rung_ids: record.rungs.map((rung) => rung.renditionId),
    rung_widths: record.rungs.map((rung) => rung.width),
    rung_heights: record.rungs.map((rung) => rung.height),
    rung_kbps: record.rungs.map((rung) => rung.bitrateKbps),
    throughput_kbps: record.covariates.throughputKbps ?? null,
    decodes: record.decodes ?? [],
    codec: record.codec?.codec ?? 'h264',
    codec_propensity: record.codec?.propensity ?? 1,
    ...(record.rollout ? rolloutColumns(record.rollout) : {}),
    owner: record.owner,
    block: record.block,
    lift_panel: record.liftPanel,
    holdout: record.holdout,
    complexity_scale: record.complexityScale,
    rendition_kbps: Object.fromEntries(record.renditions.map((rendition) => [rendition.id, rendition.bitrateKbps])),
    rendition_quality: Object.fromEntries(
      record.renditions.flatMap(({ id, quality }) => (quality === null ? [] : [[id, quality]])),
    ),
  };
}

const rolloutColumns = ({ trialVersion, stage, share }: Rollout): Record<string, unknown> => ({
  trial_version: trialVersion,
  trial_stage: stage,
  config_share: share,
});

type Row = {
  view_id: string;
  session_id: string;
  asset_id: string;
  generation: number;
  decided_at: string;
  config_version: number;
  allocation_version: number;
  revision: number;
  region: string;
  device: Decision['context']['device'];
  connection: Decision['context']['connection'];
  fallback_level: Decision['fallbackLevel'];
  arm: string;
  set_hash: string;
  propensity: number;
  eligible_arms: string[];
  eligible_propensities: number[];
  eligible_sets: string[];
  reason: Decision['reason'];
  rung_ids: string[];
  rung_widths: number[];
  rung_heights: number[];
  rung_kbps: number[];
  throughput_kbps: number | null;
  decodes: Codec[];
  codec: Codec;
  codec_propensity: number;
  trial_version: number;
  trial_stage: Rollout['stage'];
  config_share: number;
};

/** A view's first request waits for this answer, and is decided without it after that long. */
const FIND_TIMEOUT_MS = 300;

/** The first decision logged for each of these views, where there is one. Throws DatabaseError. */
export async function findDecisions(
  database: Pick<Database, 'query'>,
  viewIds: readonly string[],
): Promise<Decision[]> {
  if (viewIds.length === 0) return [];
  const rows = await database.query<Row>(
    'SELECT * FROM decisions WHERE view_id IN {viewIds:Array(String)} ORDER BY decided_at LIMIT 1 BY view_id',
    { viewIds },
    FIND_TIMEOUT_MS,
  );
  return rows.map(fromRow);
}

/** Whether any decision was logged before this moment (ms). Throws DatabaseError. */
export async function isAnyDecisionLogged(database: Pick<Database, 'query'>, beforeMs: number): Promise<boolean> {
  const rows = await database.query<{ found: number }>(
    `SELECT 1 AS found FROM decisions WHERE decided_at < ${timeSql(new Date(beforeMs))} LIMIT 1`,
    {},
    FIND_TIMEOUT_MS,
  );
  return rows.length > 0;
}

function fromRow(row: Row): Decision {
  return {
    viewId: row.view_id,
    sessionId: row.session_id,
    assetId: row.asset_id,
    generation: row.generation,
    decidedAt: `${row.decided_at.replace(' ', 'T')}Z`,
    configVersion: row.config_version,
    allocationVersion: row.allocation_version,
    revision: row.revision,
    context: { region: row.region, device: row.device, connection: row.connection },
    fallbackLevel: row.fallback_level,
    arm: row.arm,
    setHash: row.set_hash,
    propensity: row.propensity,
    eligible: row.eligible_arms.map((arm, index) => ({
      arm,
      propensity: row.eligible_propensities[index] ?? 0,
      setHash: row.eligible_sets[index] ?? '',
    })),
    reason: row.reason,
    rungs: row.rung_ids.map((renditionId, index) => ({
      renditionId,
      width: row.rung_widths[index] ?? 1,
      height: row.rung_heights[index] ?? 1,
      bitrateKbps: row.rung_kbps[index] ?? 1,
    })),
    covariates: row.throughput_kbps === null ? {} : { throughputKbps: row.throughput_kbps },
    ...(row.decodes.length > 0 ? { decodes: row.decodes } : {}),
    // Where there was a choice, neither codec was certain.
    ...(row.codec_propensity < 1 ? { codec: { codec: row.codec, propensity: row.codec_propensity } } : {}),
    ...(row.trial_version > 0
      ? { rollout: { trialVersion: row.trial_version, stage: row.trial_stage, share: row.config_share } }
      : {}),
  };
}
