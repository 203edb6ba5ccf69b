import { LRUCache } from 'lru-cache';
import {
  type Clock,
  type Context,
  describeIssues,
  type EventSource,
  eventSchema,
  type Issue,
  type TelemetryEvent,
} from '../domain/index.ts';
import { UnreadableLine } from './decode-events.ts';
import { toEventRow } from './event-row.ts';
import type { AppendResult } from './spool/spool.ts';

/** Which view an event belongs to, or why its token is not believed. */
export type Attribution = { kind: 'view'; viewId: string } | { kind: 'bad-token'; reason: string };

export type IngestPorts = {
  append(lines: readonly string[]): Promise<AppendResult>;
  attribute(event: TelemetryEvent): Attribution;
  clock: Clock;
};

/** How a batch came in. */
export type Arrival = {
  source: EventSource;
  /** What the request showed; server-side reporters may state another. */
  context: Context;
  /** Keyed hash of the sender's address block; empty for server-side reporters. */
  block: string;
  /** A server-side reporter: may state context, reports in virtual time, is not limited by its address. */
  trusted: boolean;
};

export type IngestResult =
  | { kind: 'stored'; accepted: number; duplicates: number; rejected: { index: number; errors: Issue[] }[] }
  | { kind: 'full'; retryAfterSeconds: number };

/** Event ids remembered for telling a sender that it repeats itself; exactness comes from the outcome fold. */
const DUPLICATE_WINDOW = 200_000;
const HOUR_MS = 3_600_000;
/** Client clocks further off than this are replaced by the server's. */
const MAX_SKEW_MS = 24 * HOUR_MS;

/** Validates, attributes and stores batches of events. A bad event is returned with its reason; the rest are kept. */
export function createIngest(
  ports: IngestPorts,
): (events: readonly unknown[], arrival: Arrival) => Promise<IngestResult> {
  const seen = new LRUCache<string, true>({ max: DUPLICATE_WINDOW });

  return async (events, arrival) => {
    const receivedAtMs = ports.clock.nowMs();
    const rejected: { index: number; errors: Issue[] }[] = [];
    const lines: string[] = [];
    const keys = new Set<string>();
    let duplicates = 0;
    for (const [index, candidate] of events.entries()) {
      const read = readEvent(candidate, ports.attribute);
      if (read.kind === 'rejected') {
        rejected.push({ index, errors: read.errors });
        continue;
      }
      const key = `${read.viewId} ${read.event.sessionId} ${read.event.eventId}`;
      if (seen.has(key) || keys.has(key)) {
        duplicates += 1;
        continue;
      }
      keys.add(key);
      lines.push(
        JSON.stringify(
          toEventRow(clampSkew(read.event, receivedAtMs), {
            viewId: read.viewId,
            context: contextOf(read.event, arrival),
            receivedAtMs,
            source: arrival.source,
            block: arrival.block,
            trusted: arrival.trusted,
          }),
        ),
      );
    }
    const result = await ports.append(lines);
    if (result.kind === 'full') return result;
    for (const key of keys) seen.set(key, true);
    return { kind: 'stored', accepted: lines.length, duplicates, rejected };
  };
}

type ReadEvent = { kind: 'event'; event: TelemetryEvent; viewId: string } | { kind: 'rejected'; errors: Issue[] };

function readEvent(candidate: unknown, attribute: IngestPorts['attribute']): ReadEvent {
  if (candidate instanceof UnreadableLine) {
    return { kind: 'rejected', errors: [{ path: '', expected: 'JSON', received: candidate.text.slice(0, 80) }] };
  }
  const parsed = eventSchema.safeParse(candidate);
  if (!parsed.success) return { kind: 'rejected', errors: describeIssues(parsed.error, candidate) };
  const event = parsed.data;
  if (event.type === 'upload_progress' || event.type === 'upload_end') return { kind: 'event', event, viewId: '' };
  const attribution = attribute(event);
  if (attribution.kind === 'bad-token') {
    return {
      kind: 'rejected',
      errors: [{ path: 'viewToken', expected: 'a token signed by this service', received: attribution.reason }],
    };
  }
  return { kind: 'event', event, viewId: attribution.viewId };
}

function contextOf(event: TelemetryEvent, arrival: Arrival): Context {
  if (!arrival.trusted) return arrival.context;
  return {
    region: event.region ?? arrival.context.region,
    device: event.device ?? arrival.context.device,
    connection: event.connection ?? arrival.context.connection,
  };
}

function clampSkew(event: TelemetryEvent, receivedAtMs: number): TelemetryEvent {
  const skewMs = Math.abs(Date.parse(event.ts) - receivedAtMs);
  return skewMs <= MAX_SKEW_MS ? event : { ...event, ts: new Date(receivedAtMs).toISOString() };
}
