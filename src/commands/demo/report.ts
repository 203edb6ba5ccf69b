import type { FallbackLevel, LadderRung } from '../../domain/index.ts';

/** One uploaded clip: how soon it could be watched, and the rungs it was planned to have. Times from its last byte on. */
export type AssetReport = {
  id: string;
  region: string;
  owner: string;
  /** 1 before anything was learned, 2 after. */
  upload: 1 | 2;
  playableMs: number | null;
  completeMs: number | null;
  rungs: LadderRung[];
  renditions: { id: string; height: number; bitrateKbps: number }[];
  reason: string;
  holdout: boolean;
};

/** What a view of a context was given at a moment: share of views by arm, highest first. */
export type Offer = { fallbackLevel: FallbackLevel; arms: { arm: string; share: number }[]; why: string };

/** A figure for views given the baseline and views given a learned ladder; null where there was no such view. */
export type Compared = { baseline: number | null; learned: number | null };

export type ContextReport = {
  region: string;
  device: string;
  before: Offer;
  after: Offer;
  /** The arm most views are given now, and whether that is the baseline. */
  learnedChoice: string;
  learnsBaseline: boolean;
  /** Views that started, behind the figures below. */
  views: { baseline: number; learned: number };
  stallRatio: Compared;
  seenQuality: Compared;
  bitrateKbps: Compared;
  reward: Compared;
};

/** What a ladder's name stands for, nominal kbit/s. */
export type LadderReport = { arm: string; floorKbps: number; topKbps: number; rungCount: number };

export type PolicyVersions = { configVersion: number; allocationVersion: number };

/** `npm run demo -- --report FILE`: every figure measured in that run. */
export type DemoReport = {
  ok: boolean;
  /** What did not do what it says; empty when ok. */
  problems: string[];
  durationMs: number;
  assets: AssetReport[];
  telemetry: { views: number; viewsStored: number; sent: number; accepted: number; stored: number };
  policy: { before: PolicyVersions; after: PolicyVersions };
  ladders: LadderReport[];
  contexts: ContextReport[];
};

type Findings = Omit<DemoReport, 'ok' | 'problems' | 'durationMs'>;

/** Everything of a run that is not as the demo says it is, in words. */
export function findProblems({ assets, telemetry, policy, contexts }: Findings, slowRegion: string): string[] {
  const { sent, accepted, stored, views, viewsStored } = telemetry;
  const problems: (string | false)[] = [
    sent !== accepted && `${sent} events were sent but ${accepted} accepted`,
    accepted !== stored && `${accepted} events were accepted but ${stored} are stored`,
    views !== viewsStored && `${views} views were played but ${viewsStored} are counted`,
    policy.after.allocationVersion <= policy.before.allocationVersion && 'nothing was learned: no new allocation',
    ...assets.flatMap((asset) => assetProblems(asset)),
    ...contexts.map(({ region, device, views: { baseline, learned } }) => {
      return (
        (baseline === 0 || learned === 0) && `${region} ${device} has ${baseline} baseline and ${learned} learned views`
      );
    }),
    !rungsChanged(assets, slowRegion) && `the second upload from ${slowRegion} has the same rungs as the first`,
  ];
  return problems.filter((problem) => problem !== false);
}

function assetProblems({ id, playableMs, completeMs, holdout, rungs }: AssetReport): string[] {
  return [
    ...(playableMs === null || completeMs === null
      ? [`asset ${id} does not say when it was playable and complete`]
      : []),
    ...(holdout ? [`asset ${id} is held out although the holdout is off`] : []),
    ...(rungs.length === 0 ? [`asset ${id} was planned without rungs`] : []),
  ];
}

/** Whether the two uploads from a region were planned with different rungs. */
export function rungsChanged(assets: readonly AssetReport[], region: string): boolean {
  const [first, second] = ([1, 2] as const).map((upload) =>
    assets.find((asset) => asset.region === region && asset.upload === upload),
  );
  if (!first || !second) return false;
  const shape = ({ rungs }: AssetReport): string => rungs.map((rung) => `${rung.height}p${rung.bitrateKbps}`).join(' ');
  return shape(first) !== shape(second);
}
