import type { TelemetryEvent } from '../../domain/index.ts';
import { playHls } from '../../simulation/hls-player.ts';
import { viewEvents } from '../../simulation/view-events.ts';
import type { PlannedView } from './audience.ts';
import { type DemoClient, UnexpectedAnswerError, unexpected } from './demo-client.ts';
import type { LadderLoader } from './load-ladder.ts';
import { mapConcurrently } from './map-concurrently.ts';
import { type DecidedReply, decisionsReplySchema, ingestReplySchema } from './replies.ts';

const VIEWS_AT_ONCE = 6;
const SESSIONS_PER_DECISION = 500;
/** About 250 kB: a quarter of what one request may carry. */
const EVENTS_PER_BATCH = 500;

/** What a round sent and what became of it, in events. */
export type RoundTally = { views: number; sent: number; accepted: number; duplicates: number; rejected: string[] };

type Player = { api: DemoClient; ladders: LadderLoader };

/**
 * One round of views. The platform's server announces each session with the throughput it knows of that line (so that the
 * learner can tell lines from ladders), then every player opens its manifest, plays in virtual time and reports.
 */
export async function playRound(player: Player, views: readonly PlannedView[]): Promise<RoundTally> {
  const decided = await announceViews(player.api, views);
  const reports = await mapConcurrently(views, VIEWS_AT_ONCE, (view) => playView(player, view, decided));
  return { views: views.length, ...(await sendEvents(player.api, reports.flat())) };
}

async function announceViews(api: DemoClient, views: readonly PlannedView[]): Promise<Map<string, DecidedReply>> {
  const decided = new Map<string, DecidedReply>();
  for (let from = 0; from < views.length; from += SESSIONS_PER_DECISION) {
    const sessions = views.slice(from, from + SESSIONS_PER_DECISION).map(({ sessionId, assetId, viewer }) => ({
      sessionId,
      assetId,
      ...viewer.context,
      covariates: { throughputKbps: viewer.throughputBeforeKbps },
    }));
    const { decisions } = await api.postJson('/v1/decisions', { sessions }, decisionsReplySchema);
    for (const decision of decisions) {
      if ('error' in decision) throw new UnexpectedAnswerError(`no decision: ${decision.error.message}`);
      decided.set(decision.sessionId, decision);
    }
  }
  return decided;
}

async function playView(
  { api, ladders }: Player,
  view: PlannedView,
  decided: ReadonlyMap<string, DecidedReply>,
): Promise<TelemetryEvent[]> {
  const startedAtMs = Date.now();
  const manifest = await openManifest(api, view);
  const expected = decided.get(view.sessionId)?.viewId;
  if (manifest.viewId !== expected) {
    throw new UnexpectedAnswerError(
      `${view.sessionId} was decided as ${expected} and redirected as ${manifest.viewId}`,
    );
  }
  const ladder = await ladders.load(manifest.text, manifest.url);
  const playback = playHls(ladder, view.viewer.sitting);
  const { sessionId, assetId, viewer } = view;
  return viewEvents(playback, { sessionId, assetId, startedAtMs, viewportHeight: viewer.viewportHeight });
}

/** The redirect that decides, then the manifest it leads to. */
async function openManifest(api: DemoClient, { sessionId, assetId, viewer }: PlannedView) {
  const query = new URLSearchParams({ sid: sessionId, ...viewer.context, key: api.key });
  const path = `/v/${assetId}/master.m3u8?${query}`;
  const redirect = await api.request(path);
  const location = redirect.headers.get('location');
  const said = await redirect.text();
  if (redirect.status !== 307 || location === null) throw unexpected(`GET ${path}`, redirect.status, said);
  const url = new URL(location, api.url).href;
  const response = await api.request(url);
  const text = await response.text();
  if (!response.ok) throw unexpected(`GET ${url}`, response.status, text);
  return { url, text, viewId: redirect.headers.get('nara-view') };
}

async function sendEvents(api: DemoClient, events: readonly TelemetryEvent[]): Promise<Omit<RoundTally, 'views'>> {
  const tally = { sent: events.length, accepted: 0, duplicates: 0, rejected: [] as string[] };
  for (let from = 0; from < events.length; from += EVENTS_PER_BATCH) {
    const batch = events.slice(from, from + EVENTS_PER_BATCH);
    const { accepted, duplicates, rejected } = await api.postJson(
      '/v1/telemetry',
      { events: batch },
      ingestReplySchema,
    );
    tally.accepted += accepted;
    tally.duplicates += duplicates;
    tally.rejected.push(...rejected.map(({ index, errors }) => `${batch[index]?.type}: ${JSON.stringify(errors)}`));
  }
  return tally;
}
