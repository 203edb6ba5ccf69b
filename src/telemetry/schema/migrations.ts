import { alterTable, type Change, createTable } from './layout.ts';
import {
  DEAD_LETTERS,
  DECISIONS,
  DIRTY_HOURS,
  ENCODE_PLANS,
  ERASURES,
  EVENTS,
  HOUR_ROLLUPS,
  INGEST_LEDGER,
  KEPT_DAYS,
  POLICY_DOCUMENTS,
  ROLLUP_BUILDS,
  VIEW_OUTCOMES,
} from './tables.ts';

/** Numbered changes, applied once, in order, never edited after release. Views are in repeatable.ts. */
export type Migration = { version: number; name: string; changes: readonly Change[] };

const TELEMETRY = [EVENTS, DECISIONS, VIEW_OUTCOMES, POLICY_DOCUMENTS].map(createTable);

/** Where events came from, and what CMCD reports instead of counters. */
const REPORTERS = [
  alterTable(EVENTS, [
    "ADD COLUMN IF NOT EXISTS source LowCardinality(String) DEFAULT 'beacon'",
    "ADD COLUMN IF NOT EXISTS block LowCardinality(String) DEFAULT ''",
    'ADD COLUMN IF NOT EXISTS trusted Bool DEFAULT false',
    'ADD COLUMN IF NOT EXISTS sequence Nullable(UInt32)',
    "ADD COLUMN IF NOT EXISTS state LowCardinality(String) DEFAULT ''",
    'ADD COLUMN IF NOT EXISTS playhead_ms Nullable(UInt32)',
    'ADD COLUMN IF NOT EXISTS buffer_ms Nullable(UInt32)',
    'ADD COLUMN IF NOT EXISTS sample_kbps Nullable(Float32)',
    "ADD COLUMN IF NOT EXISTS sample_rendition LowCardinality(String) DEFAULT ''",
    'ADD COLUMN IF NOT EXISTS segment_ms UInt32 DEFAULT 0',
    'ADD COLUMN IF NOT EXISTS starved Bool DEFAULT false',
    'ADD COLUMN IF NOT EXISTS throughput_kbps Nullable(Float32)',
    'ADD COLUMN IF NOT EXISTS playback_rate Nullable(Float32)',
    'ADD COLUMN IF NOT EXISTS abandoned Bool DEFAULT false',
    'ADD COLUMN IF NOT EXISTS repeats UInt32 DEFAULT 0',
  ]),
  alterTable(DECISIONS, ["ADD COLUMN IF NOT EXISTS block String DEFAULT ''"]),
];

/** What request-mode CMCD tells about segments, and how an outcome was come by. */
const ESTIMATES = [
  alterTable(EVENTS, [
    'ADD COLUMN IF NOT EXISTS segment_index Nullable(UInt32)',
    'ADD COLUMN IF NOT EXISTS last_segment Bool DEFAULT false',
  ]),
  alterTable(VIEW_OUTCOMES, [
    'ADD COLUMN IF NOT EXISTS rung_kbps_ms Map(UInt32, UInt32)',
    "ADD COLUMN IF NOT EXISTS measured_by LowCardinality(String) DEFAULT ''",
    'ADD COLUMN IF NOT EXISTS estimated Array(LowCardinality(String))',
  ]),
];

const compressed = (codec: string, columns: readonly string[]): string[] =>
  columns.map((column) => `MODIFY COLUMN ${column} CODEC(${codec})`);

/**
 * Measured on a million rows of each table: what took more than a few tenths of a byte a row, by what made it smallest. The ids of
 * views in decisions and outcomes stay as they are: applying any segment looks through all of them.
 */
const CODECS = [
  alterTable(EVENTS, [
    ...compressed('T64, ZSTD', ['ts', 'received_at', 'switches_up']),
    ...compressed('ZSTD', [
      'view_id',
      'event_id',
      'session_id',
      'asset_id',
      'block',
      'startup_ms',
      'played_ms',
      'bytes',
      'rung_ms',
      'viewport_height',
    ]),
  ]),
  alterTable(DECISIONS, [
    ...compressed('T64, ZSTD', ['decided_at']),
    ...compressed('ZSTD', [
      'session_id',
      'asset_id',
      'set_hash',
      'eligible_arms',
      'eligible_propensities',
      'eligible_sets',
      'rung_ids',
      'rung_widths',
      'rung_heights',
      'rung_kbps',
      'throughput_kbps',
      'owner',
      'block',
      'rendition_kbps',
      'rendition_quality',
    ]),
  ]),
  alterTable(VIEW_OUTCOMES, [
    ...compressed('T64, ZSTD', ['first_received_at', 'last_received_at']),
    ...compressed('ZSTD', ['session_id', 'asset_id', 'startup_ms', 'played_ms', 'bytes', 'rung_ms']),
  ]),
];

/** What roll-ups and erasure need to know of an outcome; what was there before is rolled up like everything else. */
const ROLLUPS = [
  alterTable(VIEW_OUTCOMES, [
    'ADD COLUMN IF NOT EXISTS trusted Bool DEFAULT false',
    "ADD COLUMN IF NOT EXISTS received_hours Array(DateTime('UTC'))",
    `MODIFY TTL toDateTime(first_received_at) + INTERVAL ${KEPT_DAYS} DAY`,
  ]),
  ...[DIRTY_HOURS, HOUR_ROLLUPS, ROLLUP_BUILDS, ERASURES].map(createTable),
  `INSERT INTO dirty_hours (hour, mark, covered)
SELECT hour, generateUUIDv4(), 0 FROM (
  SELECT toStartOfHour(decided_at) AS hour FROM decisions
  UNION DISTINCT SELECT toStartOfHour(first_received_at) AS hour FROM view_outcomes
)`,
];

/** Which config's trial a view was part of, how far that was, and how likely this view's config was. */
const TRIALS = [
  alterTable(DECISIONS, [
    'ADD COLUMN IF NOT EXISTS trial_version UInt32 DEFAULT 0',
    "ADD COLUMN IF NOT EXISTS trial_stage LowCardinality(String) DEFAULT ''",
    'ADD COLUMN IF NOT EXISTS config_share Float64 DEFAULT 1',
  ]),
];

/** What a view's player decodes, and which codec it was offered of that, how likely. */
const DECODERS = [
  alterTable(DECISIONS, [
    'ADD COLUMN IF NOT EXISTS decodes Array(LowCardinality(String)) CODEC(ZSTD)',
    "ADD COLUMN IF NOT EXISTS codec LowCardinality(String) DEFAULT 'h264'",
    'ADD COLUMN IF NOT EXISTS codec_propensity Float64 DEFAULT 1 CODEC(ZSTD)',
  ]),
];

export const MIGRATIONS: readonly Migration[] = [
  { version: 1, name: 'telemetry', changes: TELEMETRY },
  { version: 2, name: 'scored views', changes: [] },
  { version: 3, name: 'reporters', changes: REPORTERS },
  { version: 4, name: 'estimates', changes: ESTIMATES },
  { version: 5, name: 'roll-ups and codecs', changes: [...ROLLUPS, ...CODECS] },
  { version: 6, name: 'accounting', changes: [DEAD_LETTERS, INGEST_LEDGER].map(createTable) },
  { version: 7, name: 'trials', changes: TRIALS },
  { version: 8, name: 'encode plans', changes: [createTable(ENCODE_PLANS)] },
  { version: 9, name: 'decoders', changes: DECODERS },
];
