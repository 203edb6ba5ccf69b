import { createHash } from 'node:crypto';
import {
  assetIdSchema,
  type PlayerSample,
  type PlayerState,
  sessionIdSchema,
  type TelemetryEvent,
} from '../../domain/index.ts';
import { anonymous, type CmcdReport, type CmcdSource } from './cmcd-report.ts';
import { type MediaPath, readMediaPath } from './media-path.ts';
import { type CmcdFields, MAX_TIME_MS } from './read-fields.ts';

/** How a report came: `text` is its content, from which its identity is derived; `path` what it was attached to. */
export type ReportOrigin = { source: CmcdSource; text: string; path: MediaPath | null; receivedAtMs: number };

/** In these states a player may not have begun to show media, whatever delay it claims: dash.js rebuffers before it starts. */
const BEFORE_START: readonly PlayerState[] = ['preloading', 'starting', 'waiting', 'rebuffering'];
const END_STATES: readonly PlayerState[] = ['ended', 'quit'];
const CODE_CHARACTERS = 64;
const RESPONSE_RECEIVED = 'rr';
const ERROR = 'e';

/** Says what a report tells in the words of native events. */
export function toEvents(fields: CmcdFields, origin: ReportOrigin): CmcdReport {
  const { source } = origin;
  const named = origin.path ?? (fields.url === null ? null : readMediaPath(fields.url));
  const assetId = named?.assetId ?? fields.contentId;
  if (fields.sessionId === null || !sessionIdSchema.safeParse(fields.sessionId).success) {
    return anonymous(source, 'sid', fields.sessionId);
  }
  if (assetId === null || !assetIdSchema.safeParse(assetId).success) return anonymous(source, 'cid', assetId);
  const atMs = source === 'cmcd2-event' ? momentOf(fields, origin.receivedAtMs) : origin.receivedAtMs;
  const eventId = identityOf(origin);
  const base = { sessionId: fields.sessionId, assetId, ts: isoTime(atMs) };
  return {
    kind: 'events',
    source,
    events: [
      mainEvent(fields, { ...base, eventId }, sampleOf(fields, named, source)),
      ...playRequest(fields, { ...base, eventId: `${eventId}-play` }, atMs),
      ...endedStalls(fields, base, eventId),
      ...errors(fields, { ...base, eventId: `${eventId}-error` }),
    ],
  };
}

type Base = Pick<TelemetryEvent, 'eventId' | 'sessionId' | 'assetId' | 'ts'>;

function mainEvent(fields: CmcdFields, base: Base, sample: PlayerSample): TelemetryEvent {
  return {
    type: fields.state !== null && END_STATES.includes(fields.state) ? 'view_end' : 'progress',
    ...base,
    ...present('sequence', fields.sequence),
    ...present('startupMs', knowsStartDelay(fields) ? fields.startDelayMs : null),
    ...present('stalledMs', fields.starvedTotalMs),
    ...present('stallCount', fields.starvedCount),
    ...present('droppedFrames', fields.droppedFrames),
    sample,
  };
}

function sampleOf(fields: CmcdFields, path: MediaPath | null, source: CmcdSource): PlayerSample {
  const isAudio = fields.object === 'audio' || (fields.object === null && path?.isAudio === true);
  const isVideo = fields.object === 'video' || (fields.object === null && fields.objectMs !== null && !isAudio);
  const isMedia = isVideo && !fields.hidden && (path === null || path.segmentIndex !== null);
  const inEvent = source === 'cmcd2-event';
  const names = path?.segmentIndex !== null && path?.segmentIndex !== undefined && !isAudio;
  // What is selected is shown once the buffer has played out; a player that says what it shows needs no such delay.
  const kbps = isAudio ? null : (fields.selectedKbps ?? fields.shownKbps);
  const bufferMs = fields.selectedKbps === null && fields.shownKbps !== null && inEvent ? 0 : fields.bufferMs;
  return {
    ...present('state', fields.state),
    ...present('playheadMs', fields.playheadMs),
    ...present('bufferMs', isAudio ? null : bufferMs),
    ...present('bitrateKbps', kbps),
    ...present('renditionId', names ? path.renditionId : null),
    ...present('segmentIndex', names ? path.segmentIndex : null),
    ...present('segmentMs', isMedia ? fields.objectMs : null),
    ...(isMedia && fields.objectMs !== null && !fields.hasNext ? { lastSegment: true } : {}),
    ...(fields.starved && fields.object !== 'manifest' ? { starved: true } : {}),
    ...present('throughputKbps', fields.throughputKbps),
    ...present('playbackRate', fields.playbackRate),
  };
}

/**
 * dash.js states its start delay once, in the first report after it was told to play: long before it plays. What that
 * report does tell is when it was told.
 */
function playRequest(fields: CmcdFields, base: Base, atMs: number): TelemetryEvent[] {
  if (fields.startDelayMs === null || knowsStartDelay(fields) || fields.cause === RESPONSE_RECEIVED) return [];
  return [{ type: 'view_start', ...base, ts: isoTime(atMs - fields.startDelayMs) }];
}

function endedStalls(fields: CmcdFields, base: Omit<Base, 'eventId'>, eventId: string): TelemetryEvent[] {
  return fields.starvedForMs.slice(0, 8).map((durationMs, index) => ({
    type: 'stall',
    ...base,
    eventId: `${eventId}-stall-${index}`,
    durationMs,
    cause: 'buffer',
  }));
}

/** dash.js repeats its last error code in every later report; only a report caused by an error is one. */
function errors(fields: CmcdFields, base: Base): TelemetryEvent[] {
  if (fields.cause !== ERROR) return [];
  const code = (fields.errorCodes.join(',') || 'unknown').slice(0, CODE_CHARACTERS).toWellFormed();
  return [{ type: 'error', ...base, code, fatal: fields.state === 'failed' }];
}

/** A player that tells no states is believed, unless it speaks of a response: dash.js has none before its manifest. */
const knowsStartDelay = ({ state, cause }: CmcdFields): boolean =>
  state === null ? cause !== RESPONSE_RECEIVED : !BEFORE_START.includes(state);

/** A response is timed by its request, but says what the player did when the response was there. */
function momentOf(fields: CmcdFields, receivedAtMs: number): number {
  if (fields.atMs === null) return receivedAtMs;
  return fields.cause === RESPONSE_RECEIVED ? fields.atMs + (fields.responseMs ?? 0) : fields.atMs;
}

/** The same content about the same object is the same report, whether it is sent again or read from an access log. */
function identityOf({ source, text, path }: ReportOrigin): string {
  const object = path?.renditionId ? `${path.renditionId}/${path.file}` : '';
  const hash = createHash('sha1').update(object).update('\n').update(text).digest('base64url').slice(0, 22);
  return `${source === 'cmcd2-event' ? 'e' : 'q'}-${hash}`;
}

const isoTime = (ms: number): string => new Date(Math.min(Math.max(Math.round(ms), 0), MAX_TIME_MS)).toISOString();

function present<Key extends string, Value>(key: Key, value: Value | null): { [K in Key]?: Value } {
  return (value === null ? {} : { [key]: value }) as { [K in Key]?: Value };
}
