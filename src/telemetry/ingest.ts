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
import { toClickHouseTime, toClientTime, toLineEnd, toLineStart } from './event-line.ts';
import { implausibility } from './plausibility.ts';
import { type Rate, RateLimit } from './rate-limits.ts';
import { type FreshEvents, RecentEvents } from './recent-events.ts';
import { Refusal, type RefusalCode } from './refusal.ts';
import { type AppendResult, FULL } from './spool/spool.ts';
import { type WrittenEvent, writeUsualEvent } from './usual-event.ts';

/** Which view an event belongs to and when it was decided, as far as known; or why its token is not believed. */
export type Attribution =
  | { kind: 'view'; viewId: string; decidedAtMs: number | null }
  | { kind: 'bad-token'; reason: string };

export type IngestPorts = {
  /** Whether `append` would store: what it would not is refused before it counts against anybody's rate, since it will come again. */
  hasRoom(): boolean;
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
const DUPLICATE_WINDOW = 50_000;
const HOUR_MS = 3_600_000;
/** Client clocks further off than this are replaced by the server's. */
const MAX_SKEW_MS = 24 * HOUR_MS;
/** Logs and servers in virtual time mean the time they state, within what a database can hold. */
const MAX_STATED_SKEW_MS = 10 * 365 * 24 * HOUR_MS;
const ISO_DATE_CHARACTERS = 10;

/**
 * Validates, attributes and stores batches of candidates: unknown values, or what a decoder refused. A bad one is
 * returned with its reason and kept as a dead letter; the rest are on disk when this resolves.
 */
export function createIngest(ports: IngestPorts, limits: IngestLimits): Ingest {
  const seen = new RecentEvents(DUPLICATE_WINDOW);
  const admit = createAdmission(ports, limits);
  const writeDeadLetters = createDeadLetterWriter();
  const receivedTime = rememberTime();
  // Repeats of batches that stored nothing ride on the next batch that does.
  let untoldRepeats = 0;

  // What is answered holds on to none of the candidates: hundreds of batches that wait for the disk would be copied by every
  // collection of garbage.
  const read = (candidates: readonly unknown[], arrival: Arrival): ReadBatch => {
    const receivedAtMs = ports.clock.nowMs();
    const receivedAt = receivedTime(receivedAtMs);
    const batch: Batch = { arrival, receivedAtMs, receivedAt, attributed: null, lineStart: null };
    const refusals: Refusal[] = [];
    const rejected: Rejected[] = [];
    const lines: string[] = [];
    const fresh = seen.begin();
    let duplicates = 0;
    for (let index = 0; index < candidates.length; index += 1) {
      const admitted = admit(candidates[index], batch);
      if (admitted instanceof Refusal) {
        refusals.push(admitted);
        rejected.push({ index, code: admitted.code, errors: admitted.errors });
        continue;
      }
      const { event, viewId, lineEnd } = admitted;
      if (seen.isRepeat(fresh, viewId || `${event.sessionId} ${event.assetId}`, event.eventId)) {
        duplicates += 1;
        continue;
      }
      lines.push(`${lineStartOf(event, viewId, batch, ports)},"ts":"${timeOf(event, batch)}"${lineEnd}}`);
    }
    const refused = refusals.length === 0 ? null : { refusals, arrival, receivedAtMs };
    return { lines, fresh, duplicates, rejected, refused };
  };

  const store = ({ lines, fresh, duplicates, rejected, refused }: ReadBatch): Promise<IngestResult> => {
    const repeats = duplicates + untoldRepeats;
    if (lines[0] !== undefined && repeats > 0) lines[0] = `"repeats":${repeats},${lines[0]}`;
    untoldRepeats = lines.length === 0 ? repeats : 0;
    const accepted = lines.length;
    const untell = (): void => {
      untoldRepeats += repeats - duplicates;
    };
    const append = ports.append(lines);
    append.catch(untell);
    return append.then((result) => {
      if (result.kind === 'full') {
        untell();
        return result;
      }
      seen.remember(fresh);
      const stored = { kind: 'stored', accepted, duplicates, rejected } as const;
      if (refused === null) return stored;
      return ports.bury(writeDeadLetters(refused.refusals, refused.arrival, refused.receivedAtMs)).then(() => stored);
    });
  };

  return async (candidates, arrival) => (ports.hasRoom() ? store(read(candidates, arrival)) : FULL);
}

type ReadBatch = {
  lines: string[];
  fresh: FreshEvents;
  duplicates: number;
  rejected: Rejected[];
  refused: { refusals: Refusal[]; arrival: Arrival; receivedAtMs: number } | null;
};

/** What one batch has in common; most of its events are of one view, which need be asked about once. */
type Batch = {
  arrival: Arrival;
  receivedAtMs: number;
  receivedAt: string;
  attributed: { event: TelemetryEvent; attribution: Attribution } | null;
  lineStart: { viewId: string; sessionId: string; context: Context; text: string } | null;
};

type Admitted = WrittenEvent & { viewId: string };

/** Several batches come in one millisecond. */
function rememberTime(): (ms: number) => string {
  let last = { ms: Number.NaN, text: '' };
  return (ms) => {
    if (ms !== last.ms) last = { ms, text: toClickHouseTime(ms) };
    return last.text;
  };
}

/** Decides of one candidate after the other whether it is an event of a view that may report it. */
function createAdmission(ports: IngestPorts, limits: IngestLimits) {
  const views = new RateLimit(limits.view);
  const blocks = new RateLimit(limits.block);

  return (candidate: unknown, batch: Batch): Admitted | Refusal => {
    if (candidate instanceof Refusal) return candidate;
    const { arrival, receivedAtMs } = batch;
    const isLimited = !arrival.trusted && !arrival.isImport;
    if (isLimited && arrival.block !== '' && !blocks.take(arrival.block, receivedAtMs))
      return tooMany('rate.block', 'from one network', limits.block, candidate);
    const written = readEvent(candidate);
    if (written instanceof Refusal) return written;
    const { event, lineEnd } = written;
    if (event.type === 'upload_progress' || event.type === 'upload_end') return { event, lineEnd, viewId: '' };
    const attribution = attributionOf(event, batch, ports);
    if (attribution.kind === 'bad-token') {
      const issue = { path: 'viewToken', expected: 'a token signed by this service', received: attribution.reason };
      return new Refusal('token.refused', [issue], candidate);
    }
    const { viewId, decidedAtMs } = attribution;
    if (arrival.trusted) return { event, lineEnd, viewId };
    if (isLimited && !views.take(viewId, receivedAtMs))
      return tooMany('rate.view', 'of one view', limits.view, candidate);
    const issue = decidedAtMs === null ? null : implausibility(event, decidedAtMs, receivedAtMs);
    return issue === null ? { event, lineEnd, viewId } : new Refusal('event.implausible', [issue], candidate);
  };
}

function readEvent(candidate: unknown): WrittenEvent | Refusal {
  const usual = writeUsualEvent(candidate);
  if (usual !== null) return usual;
  const parsed = eventSchema.safeParse(candidate);
  if (parsed.success) return { event: parsed.data, lineEnd: toLineEnd(parsed.data) };
  return new Refusal('event.invalid', describeIssues(parsed.error, candidate), candidate);
}

function attributionOf(
  event: TelemetryEvent,
  batch: Batch,
  { attribute }: Pick<IngestPorts, 'attribute'>,
): Attribution {
  const last = batch.attributed;
  if (
    last !== null &&
    last.event.sessionId === event.sessionId &&
    last.event.assetId === event.assetId &&
    last.event.viewToken === event.viewToken
  )
    return last.attribution;
  const attribution = attribute(event);
  batch.attributed = { event, attribution };
  return attribution;
}

/** The start of a line; that of the event before serves again while view and context stay the same. */
function lineStartOf(event: TelemetryEvent, viewId: string, batch: Batch, ports: Pick<IngestPorts, 'groupOf'>): string {
  const { arrival, receivedAt, lineStart: last } = batch;
  const context = contextOf(event, arrival, ports);
  const { sessionId } = event;
  // Within a session the view id says which asset it is, except of uploads.
  const isSame = last?.viewId === viewId && viewId !== '' && last.sessionId === sessionId && last.context === context;
  if (isSame) return last.text;
  const { source, block, trusted } = arrival;
  const text = toLineStart(event, { viewId, context, receivedAt, source, block, trusted });
  batch.lineStart = { viewId, sessionId, context, text };
  return text;
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
  if (event.region === undefined && event.device === undefined && event.connection === undefined)
    return arrival.context;
  return {
    region: event.region === undefined ? arrival.context.region : groupOf(event.region),
    device: event.device ?? arrival.context.device,
    connection: event.connection ?? arrival.context.connection,
  };
}

/** When it happened, by the client's clock where that can be. */
function timeOf({ ts }: TelemetryEvent, { arrival, receivedAt, receivedAtMs }: Batch): string {
  // The same day in UTC is less than a day away.
  if (ts.endsWith('Z') && ts.startsWith(receivedAt.slice(0, ISO_DATE_CHARACTERS))) return toClientTime(ts);
  const maxSkewMs = arrival.trusted || arrival.isImport === true ? MAX_STATED_SKEW_MS : MAX_SKEW_MS;
  return Math.abs(Date.parse(ts) - receivedAtMs) <= maxSkewMs ? toClientTime(ts) : receivedAt;
}
