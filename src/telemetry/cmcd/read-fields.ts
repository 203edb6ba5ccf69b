import type { PLAYER_STATES, PlayerState } from '../../domain/index.ts';

/** A decoded CMCD dictionary: from structured fields by the codec, or JSON as it came. */
export type CmcdDictionary = Readonly<Record<string, unknown>>;

/** What was asked for, when the report is about a request. */
export type ObjectKind = 'video' | 'audio' | 'init' | 'manifest' | 'other';

/** A report in our words: CTA-5004 and CTA-5004-B keys end here. Durations in ms, rates in kbit/s. */
export type CmcdFields = {
  version: number;
  sessionId: string | null;
  contentId: string | null;
  sequence: number | null;
  /** Event mode: what caused the report (`e`), and when it happened. */
  cause: string | null;
  atMs: number | null;
  state: PlayerState | null;
  object: ObjectKind | null;
  objectMs: number | null;
  url: string | null;
  responseMs: number | null;
  /** Another object is named that will be asked for next. */
  hasNext: boolean;
  /** Fetched ahead of need and not shown. */
  hidden: boolean;
  /** What the player chose to fetch, and what it shows. */
  selectedKbps: number | null;
  shownKbps: number | null;
  throughputKbps: number | null;
  bufferMs: number | null;
  playheadMs: number | null;
  playbackRate: number | null;
  starved: boolean;
  /** Since the session began. */
  starvedCount: number | null;
  starvedTotalMs: number | null;
  /** Each starvation that ended since the report before. */
  starvedForMs: number[];
  startDelayMs: number | null;
  droppedFrames: number | null;
  errorCodes: string[];
};

const STATES: Readonly<Record<string, PlayerState>> = {
  d: 'preloading',
  s: 'starting',
  p: 'playing',
  k: 'seeking',
  r: 'rebuffering',
  a: 'paused',
  w: 'waiting',
  e: 'ended',
  f: 'failed',
  q: 'quit',
} satisfies Record<string, (typeof PLAYER_STATES)[number]>;

const OBJECTS: Readonly<Record<string, ObjectKind>> = { v: 'video', av: 'video', a: 'audio', i: 'init', m: 'manifest' };

/** The largest duration an event may carry, and then some; larger numbers are broken clocks. */
const MAX_MS = 7 * 24 * 3_600_000;
const MAX_KBPS = 10_000_000;
const MAX_COUNT = 1_000_000_000;
const MAX_SEQUENCE = 0xffff_ffff;
/** The end of the year 9999, where ISO 8601 grows a sign. */
export const MAX_TIME_MS = 253_402_300_799_999;
const MAX_RATE = 100;

/** Reads the keys we know; unknown and custom ones are kept out, values of another type or out of range count as absent. */
export function readFields(keys: CmcdDictionary): CmcdFields {
  const object = token(keys.ot);
  return {
    version: number(keys.v, 100) ?? 1,
    sessionId: text(keys.sid),
    contentId: text(keys.cid),
    sequence: whole(keys.sn, MAX_SEQUENCE),
    cause: token(keys.e),
    atMs: number(keys.ts, MAX_TIME_MS),
    state: lookUp(STATES, token(keys.sta)),
    object: object === null ? null : (lookUp(OBJECTS, object) ?? 'other'),
    objectMs: number(keys.d, MAX_MS),
    url: text(keys.url),
    responseMs: number(keys.ttlb, MAX_MS),
    hasNext: list(keys.nor).length > 0 || text(keys.nrr) !== null,
    hidden: unwrap(keys.nr) === true,
    selectedKbps: perObject(keys.br, MAX_KBPS) ?? perObject(keys.ab, MAX_KBPS),
    shownKbps: perObject(keys.pb, MAX_KBPS),
    throughputKbps: perObject(keys.mtp, MAX_KBPS),
    bufferMs: perObject(keys.bl, MAX_MS),
    playheadMs: number(keys.pt, MAX_MS),
    playbackRate: number(keys.pr, MAX_RATE),
    // `su` outside start-up and seeking means the same: needed urgently, because the buffer is empty.
    starved: unwrap(keys.bs) === true || unwrap(keys.su) === true,
    starvedCount: wholeOf(perObject(keys.bsa, MAX_COUNT)),
    starvedTotalMs: perObject(keys.bsda, MAX_MS),
    starvedForMs: list(keys.bsd).flatMap((item) => number(item, MAX_MS) ?? []),
    startDelayMs: number(keys.msd, MAX_MS),
    droppedFrames: whole(keys.dfa, MAX_COUNT),
    errorCodes: list(keys.ec).flatMap((item) => scalarText(item) ?? []),
  };
}

/** A structured-field item, or its JSON likeness `{value, params}`, without its wrapping. */
function unwrap(item: unknown): unknown {
  return typeof item === 'object' && item !== null && 'value' in item ? item.value : item;
}

function list(value: unknown): unknown[] {
  const items = unwrap(value);
  if (Array.isArray(items)) return items;
  return items === undefined || items === null ? [] : [items];
}

function number(value: unknown, max: number): number | null {
  const bare = unwrap(value);
  return typeof bare === 'number' && bare >= 0 && bare <= max ? bare : null;
}

const wholeOf = (value: number | null): number | null => (value === null ? null : Math.round(value));
const whole = (value: unknown, max: number): number | null => wholeOf(number(value, max));

function text(value: unknown): string | null {
  const bare = unwrap(value);
  return typeof bare === 'string' && bare !== '' ? bare : null;
}

/** Tokens arrive as strings: the codec spells its symbols out, JSON has nothing else. */
const token = text;

function scalarText(value: unknown): string | null {
  const bare = unwrap(value);
  return typeof bare === 'number' && Number.isFinite(bare) ? String(bare) : text(bare);
}

/**
 * The value of a key that v2 may list per object type (`br=(3000;v 128;a)`) and v1 and some players write bare: video's,
 * else muxed, else the first without a type; audio alone says nothing about the video.
 */
function perObject(value: unknown, max: number): number | null {
  const items = list(value);
  const ofType = (type: string) => items.find((item) => parametersOf(item)?.[type] === true);
  const chosen = ofType('v') ?? ofType('av') ?? items.find((item) => !parametersOf(item)?.a);
  return number(chosen, max);
}

function parametersOf(item: unknown): Record<string, unknown> | null {
  if (typeof item !== 'object' || item === null || !('params' in item)) return null;
  const { params } = item;
  return typeof params === 'object' && params !== null ? (params as Record<string, unknown>) : null;
}

function lookUp<Value>(table: Readonly<Record<string, Value>>, key: string | null): Value | null {
  return key !== null && Object.hasOwn(table, key) ? (table[key] ?? null) : null;
}
