import {
  type Clock,
  type Context,
  describeIssues,
  type EventSource,
  eventSchema,
  type Issue,
  type TelemetryEvent,
} from '../domain/index.ts';
import { createDeadLetterWriter } from './dead-letters.ts';
import { toClickHouseTime, toEventLine } from './event-line.ts';
import { implausibility } from './plausibility.ts';
import { type Rate, RateLimit } from './rate-limits.ts';
import { RecentKeys } from './recent-keys.ts';
import { Refusal, type RefusalCode } from './refusal.ts';
import type { AppendResult } from './spool/spool.ts';

/** Which view an event belongs to and when it was decided, as far as known; or why its token is not believed. */
export type Attribution =
  | { kind: 'view'; viewId: string; decidedAtMs: number | null }
  | { kind: 'bad-token'; reason: string };

export type IngestPorts = {
  append(lines: readonly string[]): Promise<AppendResult>;
  /** Keeps rows of `dead_letters`; where they cannot be kept, that is counted, and the events beside them are stored all the same. */
  bury(lines: readonly string[]): Promise<void>;
  attribute(event: TelemetryEvent): Attribution;
  /** The configured group of a stated region, or the region itself. */
  groupOf(region: string): string;
  clock: Clock;
};

export type IngestLimits = { view: Rate; block: Rate };

/** How a batch came in. */
export type Arrival = {
  source: EventSource;
  /** What the request showed; server-side reporters may state another. */
  context: Context;
  /** Keyed hash of the sender's address block; empty for server-side reporters. */
  block: string;
  /** A server-side reporter: may state context, reports in virtual time, is not limited by its address. */
  trusted: boolean;
  /** Read from a log: much at once, and late. Its times stand, and how fast it is read is nobody's rate. */
  isImport?: boolean;
};

export type Rejected = { index: number; code: RefusalCode; errors: Issue[] };
export type IngestResult =
  | { kind: 'stored'; accepted: number; duplicates: number; rejected: Rejected[] }
  | { kind: 'full'; retryAfterSeconds: number };

export type Ingest = (candidates: readonly unknown[], arrival: Arrival) => Promise<IngestResult>;

/** Event ids remembered for telling a sender that it repeats itself; exactness comes from the outcome fold. */
const DUPLICATE_WINDOW = 100_000;
const HOUR_MS = 3_600_000;
/** Client clocks further off than this are replaced by the server's. */
const MAX_SKEW_MS = 24 * HOUR_MS;

/**
 * Validates, attributes and stores batches of candidates: unknown values, or what a decoder refused. A bad one is
 * returned with its reason and kept as a dead letter; the rest are on disk when this resolves.
 */
export function createIngest(ports: IngestPorts, limits: IngestLimits): Ingest {
  const seen = new RecentKeys(DUPLICATE_WINDOW);
  const admit = createAdmission(ports, limits);
  const writeDeadLetters = createDeadLetterWriter();
  // Repeats of batches that stored nothing ride on the next batch that does.
  let untoldRepeats = 0;

  return async (candidates, arrival) => {
    const receivedAtMs = ports.clock.nowMs();
    const receivedAt = toClickHouseTime(receivedAtMs);
    const refusals: Refusal[] = [];
    const rejected: Rejected[] = [];
    const lines: string[] = [];
    const keys = new Set<string>();
    let duplicates = 0;
    for (const [index, candidate] of candidates.entries()) {
      const admitted = admit(candidate, arrival, receivedAtMs);
      if (admitted instanceof Refusal) {
        refusals.push(admitted);
        rejected.push({ index, code: admitted.code, errors: admitted.errors });
        continue;
      }
      const { event, viewId } = admitted;
      const key = `${viewId || event.sessionId} ${event.eventId}`;
      if (seen.has(key) || keys.has(key)) {
        duplicates += 1;
        continue;
      }
      keys.add(key);
      lines.push(
        toEventLine(arrival.isImport ? event : clampSkew(event, receivedAtMs), {
          viewId,
          context: contextOf(event, arrival, ports),
          receivedAt,
          source: arrival.source,
          block: arrival.block,
          trusted: arrival.trusted,
        }),
      );
    }
    const repeats = duplicates + untoldRepeats;
    const first = lines[0];
    if (first !== undefined && repeats > 0) lines[0] = `{"repeats":${repeats},${first.slice(1)}`;
    untoldRepeats = first === undefined ? repeats : 0;
    const result = await ports.append(lines);
    if (result.kind === 'full') {
      untoldRepeats += repeats - duplicates;
      return result;
    }
    if (refusals.length > 0) await ports.bury(writeDeadLetters(refusals, arrival, receivedAtMs));
    for (const key of keys) seen.add(key);
    return { kind: 'stored', accepted: lines.length, duplicates, rejected };
  };
}

type Admitted = { event: TelemetryEvent; viewId: string };

/** Decides of one candidate after the other whether it is an event of a view that may report it. */
function createAdmission(ports: IngestPorts, limits: IngestLimits) {
  const views = new RateLimit(limits.view);
  const blocks = new RateLimit(limits.block);

  return (candidate: unknown, arrival: Arrival, receivedAtMs: number): Admitted | Refusal => {
    if (candidate instanceof Refusal) return candidate;
    const isLimited = !arrival.trusted && !arrival.isImport;
    if (isLimited && arrival.block !== '' && !blocks.take(arrival.block, receivedAtMs))
      return tooMany('rate.block', 'from one network', limits.block, candidate);
    const parsed = eventSchema.safeParse(candidate);
    if (!parsed.success) return new Refusal('event.invalid', describeIssues(parsed.error, candidate), candidate);
    const event = parsed.data;
    if (event.type === 'upload_progress' || event.type === 'upload_end') return { event, viewId: '' };
    const attribution = ports.attribute(event);
    if (attribution.kind === 'bad-token') {
      const issue = { path: 'viewToken', expected: 'a token signed by this service', received: attribution.reason };
      return new Refusal('token.refused', [issue], candidate);
    }
    const { viewId, decidedAtMs } = attribution;
    if (arrival.trusted) return { event, viewId };
    if (isLimited && !views.take(viewId, receivedAtMs))
      return tooMany('rate.view', 'of one view', limits.view, candidate);
    const issue = decidedAtMs === null ? null : implausibility(event, decidedAtMs, receivedAtMs);
    return issue === null ? { event, viewId } : new Refusal('event.implausible', [issue], candidate);
  };
}

function tooMany(
  code: 'rate.view' | 'rate.block',
  of: string,
  { perSecond, burst }: Rate,
  candidate: unknown,
): Refusal {
  const expected = `at most ${perSecond} events a second ${of}, ${burst} at once`;
  return new Refusal(code, [{ path: '', expected, received: 'one more' }], candidate);
}

function contextOf(event: TelemetryEvent, arrival: Arrival, { groupOf }: Pick<IngestPorts, 'groupOf'>): Context {
  if (!arrival.trusted) return arrival.context;
  return {
    region: event.region === undefined ? arrival.context.region : groupOf(event.region),
    device: event.device ?? arrival.context.device,
    connection: event.connection ?? arrival.context.connection,
  };
}

function clampSkew(event: TelemetryEvent, receivedAtMs: number): TelemetryEvent {
  const skewMs = Math.abs(Date.parse(event.ts) - receivedAtMs);
  return skewMs <= MAX_SKEW_MS ? event : { ...event, ts: new Date(receivedAtMs).toISOString() };
}
