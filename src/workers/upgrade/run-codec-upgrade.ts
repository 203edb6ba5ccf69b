import type { AssetDocument, Quality, StoredRendition } from '../../domain/asset.ts';
import { encodeUpgrade } from '../../media/encode-upgrade.ts';
import { measureQuality } from '../../media/measure-quality.ts';
import type { EncodeSource } from '../../media/media-room.ts';
import { av1Twin, type CodecTrial } from '../../media/plan/codec-trial.ts';
import type { SourceIdentity } from '../../media/plan/plan-renditions.ts';
import { settleCodecTrial } from '../../media/try-codec.ts';
import { isAsGood, LEAST_SAVED_SHARE, savedShare, twinsOf } from '../../policy/codec-twins.ts';
import { nextRevision } from '../next-revision.ts';
import { openSource } from '../open-source.ts';
import { assetLog, type TranscodePorts } from '../transcode-ports.ts';
import { timestamp, updateAsset, whileAssetExists } from '../update-asset.ts';
import { expectIdle } from './expect-idle.ts';

export type CodecUpgradeOutcome =
  | { kind: 'upgraded'; revision: number }
  | { kind: 'saves-too-little'; savedShare: number }
  | { kind: 'nothing-to-do' };

/** A twin that came out worse than it was tried is made again, better by what it lacks. */
const ATTEMPTS = 3;
/** Of a step of constant quality; at high quality it is a little less, at low quality more. */
const POINTS_PER_CRF = 0.6;

/**
 * Makes a twin of every H.264 rendition of an asset in AV1, one at a time, and publishes them beside those as the next revision: all of
 * them or none, since arms must not differ by codec. Run twice it changes nothing. Throws `NotYetError` as soon as an upload waits.
 */
export async function runCodecUpgrade(
  ports: TranscodePorts,
  asset: AssetDocument & { uploadKey: string },
  isIdle: () => Promise<boolean>,
  signal: AbortSignal,
): Promise<CodecUpgradeOutcome> {
  const rungs = asset.renditions.filter(({ codec }) => codec === 'h264');
  const before = twinsOf(asset.renditions, 'av1');
  const lacking = rungs.filter(({ id }) => !before.has(id));
  if (lacking.length === 0) return { kind: 'nothing-to-do' };
  await expectIdle(isIdle);
  return whileAssetExists(ports, asset.id, signal, async (existing) => {
    const opened = await openSource(ports, asset, existing);
    if (opened.kind === 'rejected') return { kind: 'nothing-to-do' };
    const { source } = opened;
    const trial = await settleCodecTrial(ports.media, source, { rungs: lacking, isAsGood }, existing);
    const expected = savedShare([...trial.twins, ...pairsOf(rungs, before)]);
    if (expected < LEAST_SAVED_SHARE || trial.twins.some(({ crf }) => crf === null))
      return settle(ports, asset.id, { savedShare: expected, renditions: null });
    const make = { ports, asset, source, rungs, isIdle, signal: existing };
    const measured = await makeTwins(make, before, trial);
    const twins = twinsOf(measured, 'av1');
    const saved = savedShare(pairsOf(rungs, twins));
    const isWhole = twins.size === rungs.length && saved >= LEAST_SAVED_SHARE;
    const kept = measured.filter((each) => each.codec === 'h264' || [...twins.values()].includes(each));
    return settle(ports, asset.id, { savedShare: saved, renditions: isWhole ? kept : null });
  });
}

/** What was measured of rungs and their twins. */
const pairsOf = (rungs: readonly StoredRendition[], twins: ReadonlyMap<string, StoredRendition>) =>
  rungs.flatMap(({ id, bitrateKbps }) => {
    const twin = twins.get(id);
    return twin ? [{ kbps: twin.bitrateKbps, insteadOfKbps: bitrateKbps }] : [];
  });

type Make = {
  ports: TranscodePorts;
  asset: AssetDocument & { uploadKey: string };
  source: EncodeSource;
  rungs: readonly StoredRendition[];
  isIdle: () => Promise<boolean>;
  signal: AbortSignal;
};

/** All renditions with their twins, measured together. */
async function makeTwins(
  make: Make,
  before: ReadonlyMap<string, StoredRendition>,
  { twins }: CodecTrial,
): Promise<StoredRendition[]> {
  const { ports, source, rungs, signal } = make;
  const crfOf = new Map(twins.map(({ standsFor, crf }) => [standsFor, crf]));
  const made = new Map(before);
  let missing = rungs.filter(({ id }) => !before.has(id));
  let measured: StoredRendition[] = [];
  for (let attempt = 0; attempt < ATTEMPTS && missing.length > 0; attempt += 1) {
    for (const rung of missing) {
      const crf = crfOf.get(rung.id);
      if (crf != null) made.set(rung.id, await makeTwin(make, rung, crf));
    }
    measured = await measureQuality(ports.media, source, [...rungs, ...made.values()], signal);
    const found = twinsOf(measured, 'av1');
    missing = rungs.filter(({ id }) => !found.has(id));
    for (const { id } of missing) {
      const [rung, twin] = [id, made.get(id)?.id].map((wanted) => measured.find((each) => each.id === wanted));
      const better = betterCrf(crfOf.get(id), rung, twin);
      if (better === null) return measured;
      crfOf.set(id, better);
    }
  }
  return measured;
}

/** At which constant quality to make a twin again that does not look as good; null where it is not for its looks. */
function betterCrf(
  crf: number | null | undefined,
  rung: StoredRendition | undefined,
  twin: StoredRendition | undefined,
): number | null {
  if (crf == null || !rung || !twin) return null;
  const devices = Object.keys(rung.quality) as (keyof Quality)[];
  const lacking = Math.max(...devices.map((device) => rung.quality[device] - twin.quality[device]));
  return lacking <= 0 ? null : Math.max(1, crf - Math.max(2, Math.ceil(lacking / POINTS_PER_CRF)));
}

async function makeTwin(make: Make, rung: StoredRendition, crf: number): Promise<StoredRendition> {
  const { ports, asset, source, isIdle, signal } = make;
  await expectIdle(isIdle);
  const identity: SourceIdentity = { uploadKey: asset.uploadKey, details: source.input.details };
  const { complexityScale } = asset;
  return encodeUpgrade(ports.media, source, av1Twin(identity, rung, crf), { signal, complexityScale });
}

/** Publishes the renditions where there are any; either way it is written down, so that a title is tried once. */
async function settle(
  ports: TranscodePorts,
  assetId: string,
  result: { savedShare: number; renditions: readonly StoredRendition[] | null },
): Promise<CodecUpgradeOutcome> {
  const { renditions } = result;
  const now = timestamp(ports);
  const share = Number(result.savedShare.toFixed(3));
  const trial = { codec: 'av1' as const, savedShare: share, offered: renditions !== null, triedAt: now };
  const { revision } = await updateAsset(ports, assetId, (current) => {
    const codecTrials = [...(current.codecTrials ?? []).filter(({ codec }) => codec !== 'av1'), trial];
    if (renditions === null) return { ...current, codecTrials };
    return {
      ...nextRevision(current, renditions, now),
      codecTrials,
      availability: 'upgraded',
      timings: { ...current.timings, upgradedAt: now },
    };
  });
  assetLog(ports, assetId).info({ revision, ...trial }, 'asset was tried in another codec');
  return renditions === null ? { kind: 'saves-too-little', savedShare: share } : { kind: 'upgraded', revision };
}
