import { contextName, type DemoPlace, NEIGHBOURS, PLACES, POPULATIONS } from './audience.ts';
import { compareArms, countViews } from './compare-arms.ts';
import type { DemoClient } from './demo-client.ts';
import type { Clip } from './make-clips.ts';
import { type Offers, peekOffers, readLadders } from './peek-offers.ts';
import { playAndLearn, type Scale } from './play-and-learn.ts';
import { rungList, seconds } from './print-report.ts';
import { type AssetReply, qoeReplySchema } from './replies.ts';
import type { AssetReport, DemoReport, Offer } from './report.ts';
import { encodeTimes, uploadClip, waitForComplete } from './upload-clip.ts';

export type Story = {
  api: DemoClient;
  scale: Scale;
  clips: { slow: Clip; fast: Clip };
  log: (line: string) => void;
  signal: AbortSignal;
};

/** Upload, play and learn in rounds, upload again; everything measured on the way. Throws when a step cannot be done. */
export async function tellStory(story: Story): Promise<Omit<DemoReport, 'ok' | 'problems' | 'durationMs'>> {
  const { api, log, scale } = story;
  log('(3/6) Uploading both over tus: one by an owner in the slow region, one by an owner in the fast one');
  const first = await uploadBoth(story, PLACES);
  const assetIds = { slow: first.slow.id, fast: first.fast.id };
  const { ladders, baselineArm } = await readLadders(api);
  const before = await peekOffers(api, assetIds);
  log(
    `(4/6) Playing and learning: ${scale.rounds} rounds, ${scale.viewsPerContext} views in each of ${POPULATIONS.length} contexts a round`,
  );
  log(
    '      Manifests, segment sizes, decisions and telemetry are real; the lines are generated and playing time is virtual.',
  );
  const { startedAt, lastRoundsAt, telemetry } = await playAndLearn(story, assetIds);
  const after = await peekOffers(api, assetIds);
  const groups = { all: await readGroups(api, startedAt), recent: await readGroups(api, lastRoundsAt) };
  log('(5/6) Uploading the same clips again, by others there, now that something has been learned');
  const second = await uploadBoth(story, NEIGHBOURS);
  return {
    assets: [...describeAssets(first, 1), ...describeAssets(second, 2)],
    telemetry: { ...telemetry, viewsStored: countViews(groups.all) },
    policy: { before: before.versions, after: after.versions },
    ladders,
    contexts: POPULATIONS.map(({ context: { region, device } }) => {
      const now = offerOf(after, { region, device });
      const learnedChoice = now.arms[0]?.arm ?? baselineArm;
      return {
        region,
        device,
        before: offerOf(before, { region, device }),
        after: now,
        learnedChoice,
        learnsBaseline: learnedChoice === baselineArm,
        ...compareArms(groups, { region, device }, { baseline: baselineArm, learnedChoice }),
      };
    }),
  };
}

type Assets = { slow: AssetReply; fast: AssetReply };

async function uploadBoth(story: Story, places: typeof PLACES): Promise<Assets> {
  const slowId = await uploadOne(story, places.slow, story.clips.slow);
  const fastId = await uploadOne(story, places.fast, story.clips.fast);
  const [slow, fast] = await Promise.all([
    watchEncoding(story, places.slow, slowId),
    watchEncoding(story, places.fast, fastId),
  ]);
  return { slow, fast };
}

async function uploadOne({ api, log, signal }: Story, place: DemoPlace, clip: Clip): Promise<string> {
  const id = await uploadClip(api, clip.path, place, signal);
  log(`      ${place.region}: ${place.owner} uploaded ${clip.title}, now asset ${id}`);
  return id;
}

async function watchEncoding({ api, log, signal }: Story, { region }: DemoPlace, id: string): Promise<AssetReply> {
  const onPlayable = (asset: AssetReply): void => {
    log(`      ${region}: playable ${seconds(encodeTimes(asset).playableMs)} after its last byte`);
  };
  const asset = await waitForComplete(api, id, { onPlayable, signal });
  log(
    `      ${region}: complete after ${seconds(encodeTimes(asset).completeMs)}: ${rungList(asset.plan?.rungs ?? [])}`,
  );
  return asset;
}

function describeAssets(assets: Assets, upload: 1 | 2): AssetReport[] {
  return (['slow', 'fast'] as const).map((name) => {
    const asset = assets[name];
    const { region, owner } = (upload === 1 ? PLACES : NEIGHBOURS)[name];
    return {
      id: asset.id,
      region,
      owner,
      upload,
      ...encodeTimes(asset),
      rungs: asset.plan?.rungs ?? [],
      renditions: asset.renditions.map(({ id, height, bitrateKbps }) => ({ id, height, bitrateKbps })),
      reason: asset.plan?.reason ?? '',
      holdout: asset.plan?.holdout ?? false,
    };
  });
}

function offerOf({ byContext }: Offers, context: { region: string; device: string }): Offer {
  const offer = byContext.get(contextName(context));
  if (!offer) throw new RangeError(`no offer for ${contextName(context)}`);
  return offer;
}

async function readGroups(api: DemoClient, from: string) {
  const query = new URLSearchParams({ from, groupBy: 'region,device,arm' });
  return (await api.getJson(`/v1/qoe?${query}`, qoeReplySchema)).groups;
}
