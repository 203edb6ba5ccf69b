import { SCORED_VIEWS_DDL } from './scored-views.ts';

/** Numbered DDL, applied once, in order, never edited after release. Engines are MergeTree; a cluster swaps only the engine. */
export type Migration = { version: number; name: string; statements: readonly string[] };

// Segments are removed from disk once applied, so the server must have them on its own disk by then.
const DURABLE = 'fsync_after_insert = 1, fsync_part_directory = 1';

const EVENTS = `
CREATE TABLE IF NOT EXISTS events (
  segment String CODEC(ZSTD),
  view_id String,
  event_id String,
  type LowCardinality(String),
  session_id String,
  asset_id String,
  ts DateTime64(3, 'UTC'),
  received_at DateTime64(3, 'UTC'),
  region LowCardinality(String),
  device LowCardinality(String),
  connection LowCardinality(String),
  duration_ms UInt32 DEFAULT 0,
  cause LowCardinality(String) DEFAULT '',
  code LowCardinality(String) DEFAULT '',
  message String DEFAULT '' CODEC(ZSTD),
  fatal Bool DEFAULT false,
  from_rendition String DEFAULT '',
  to_rendition String DEFAULT '',
  startup_ms Nullable(UInt32),
  played_ms UInt32 DEFAULT 0,
  stalled_ms UInt32 DEFAULT 0,
  seek_stalled_ms UInt32 DEFAULT 0,
  stall_count UInt32 DEFAULT 0,
  paused_ms UInt32 DEFAULT 0,
  bytes UInt64 DEFAULT 0,
  rung_ms Map(String, UInt32),
  switches_up UInt32 DEFAULT 0,
  switches_down UInt32 DEFAULT 0,
  dropped_frames UInt32 DEFAULT 0,
  viewport_height UInt32 DEFAULT 0,
  elapsed_ms UInt32 DEFAULT 0,
  resumes UInt32 DEFAULT 0,
  INDEX segment_index segment TYPE bloom_filter GRANULARITY 1
) ENGINE = MergeTree
PARTITION BY toDate(received_at)
ORDER BY (view_id, event_id)
TTL toDateTime(received_at) + INTERVAL 90 DAY
SETTINGS ${DURABLE}`;

const DECISIONS = `
CREATE TABLE IF NOT EXISTS decisions (
  segment String CODEC(ZSTD),
  view_id String,
  session_id String,
  asset_id String,
  generation UInt16,
  decided_at DateTime64(3, 'UTC'),
  config_version UInt32,
  allocation_version UInt32,
  revision UInt32,
  region LowCardinality(String),
  device LowCardinality(String),
  connection LowCardinality(String),
  fallback_level LowCardinality(String),
  arm LowCardinality(String),
  set_hash LowCardinality(String),
  propensity Float64,
  eligible_arms Array(LowCardinality(String)),
  eligible_propensities Array(Float64),
  eligible_sets Array(LowCardinality(String)),
  reason LowCardinality(String),
  rung_ids Array(String),
  rung_widths Array(UInt16),
  rung_heights Array(UInt16),
  rung_kbps Array(Float32),
  throughput_kbps Nullable(Float64),
  owner String,
  lift_panel Bool,
  holdout Bool,
  complexity_scale Float64,
  rendition_kbps Map(String, Float32),
  rendition_quality Map(String, Float32),
  INDEX segment_index segment TYPE bloom_filter GRANULARITY 1
) ENGINE = MergeTree
PARTITION BY toYYYYMM(decided_at)
ORDER BY (view_id, decided_at)
TTL toDateTime(decided_at) + INTERVAL 180 DAY
SETTINGS ${DURABLE}`;

// The row built from the most events wins; raw is append-only, so that number only rises.
const VIEW_OUTCOMES = `
CREATE TABLE IF NOT EXISTS view_outcomes (
  view_id String,
  session_id String,
  asset_id String,
  region LowCardinality(String),
  device LowCardinality(String),
  connection LowCardinality(String),
  first_received_at DateTime64(3, 'UTC'),
  last_received_at DateTime64(3, 'UTC'),
  started Bool,
  ended Bool,
  fatal Bool,
  error_code LowCardinality(String),
  startup_ms Nullable(UInt32),
  played_ms UInt64,
  stalled_ms UInt64,
  seek_stalled_ms UInt64,
  stall_count UInt64,
  paused_ms UInt64,
  bytes UInt64,
  rung_ms Map(String, UInt32),
  switches UInt64,
  dropped_frames UInt64,
  viewport_height UInt32,
  event_rows UInt64
) ENGINE = ReplacingMergeTree(event_rows)
PARTITION BY toYYYYMM(first_received_at)
ORDER BY view_id
SETTINGS ${DURABLE}`;

const POLICY_DOCUMENTS = `
CREATE TABLE IF NOT EXISTS policy_documents (
  kind LowCardinality(String),
  version UInt32,
  created_at DateTime64(3, 'UTC'),
  document String CODEC(ZSTD)
) ENGINE = ReplacingMergeTree
ORDER BY (kind, version)`;

/** Where events came from, and what CMCD reports instead of counters. */
const REPORTERS = `
ALTER TABLE events
  ADD COLUMN IF NOT EXISTS source LowCardinality(String) DEFAULT 'beacon',
  ADD COLUMN IF NOT EXISTS block LowCardinality(String) DEFAULT '',
  ADD COLUMN IF NOT EXISTS trusted Bool DEFAULT false,
  ADD COLUMN IF NOT EXISTS sequence Nullable(UInt32),
  ADD COLUMN IF NOT EXISTS state LowCardinality(String) DEFAULT '',
  ADD COLUMN IF NOT EXISTS playhead_ms Nullable(UInt32),
  ADD COLUMN IF NOT EXISTS buffer_ms Nullable(UInt32),
  ADD COLUMN IF NOT EXISTS sample_kbps Nullable(Float32),
  ADD COLUMN IF NOT EXISTS sample_rendition LowCardinality(String) DEFAULT '',
  ADD COLUMN IF NOT EXISTS segment_ms UInt32 DEFAULT 0,
  ADD COLUMN IF NOT EXISTS starved Bool DEFAULT false,
  ADD COLUMN IF NOT EXISTS throughput_kbps Nullable(Float32),
  ADD COLUMN IF NOT EXISTS playback_rate Nullable(Float32),
  ADD COLUMN IF NOT EXISTS abandoned Bool DEFAULT false,
  ADD COLUMN IF NOT EXISTS repeats UInt32 DEFAULT 0`;

const DECISION_BLOCKS = `ALTER TABLE decisions ADD COLUMN IF NOT EXISTS block String DEFAULT ''`;

/** What request-mode CMCD tells about segments, and how an outcome was come by. */
const ESTIMATES = [
  `ALTER TABLE events
  ADD COLUMN IF NOT EXISTS segment_index Nullable(UInt32),
  ADD COLUMN IF NOT EXISTS last_segment Bool DEFAULT false`,
  `ALTER TABLE view_outcomes
  ADD COLUMN IF NOT EXISTS rung_kbps_ms Map(UInt32, UInt32),
  ADD COLUMN IF NOT EXISTS measured_by LowCardinality(String) DEFAULT '',
  ADD COLUMN IF NOT EXISTS estimated Array(LowCardinality(String))`,
];

/** What came in and could not be stored as an event; `events` is how many a row stands for. */
const DEAD_LETTERS = `
CREATE TABLE IF NOT EXISTS dead_letters (
  segment String CODEC(ZSTD),
  received_at DateTime64(3, 'UTC'),
  source LowCardinality(String),
  block LowCardinality(String),
  code LowCardinality(String),
  reason String CODEC(ZSTD),
  session_id String,
  asset_id String,
  body String CODEC(ZSTD),
  events UInt32 DEFAULT 1,
  INDEX segment_index segment TYPE bloom_filter GRANULARITY 1
) ENGINE = MergeTree
PARTITION BY toDate(received_at)
ORDER BY received_at
TTL toDateTime(received_at) + INTERVAL 30 DAY
SETTINGS ${DURABLE}`;

// Counted on the host's own disk before the rows left it, so that what the database holds can be held against it.
const INGEST_LEDGER = `
CREATE TABLE IF NOT EXISTS ingest_ledger (
  stream LowCardinality(String),
  segment String CODEC(ZSTD),
  entry String,
  at DateTime64(3, 'UTC'),
  row_count UInt64,
  dead_rows UInt64,
  written_at DateTime64(3, 'UTC') DEFAULT now64(3)
) ENGINE = ReplacingMergeTree(written_at)
ORDER BY (stream, segment, entry)
TTL toDateTime(at) + INTERVAL 90 DAY
SETTINGS ${DURABLE}`;

export const MIGRATIONS: readonly Migration[] = [
  { version: 1, name: 'telemetry', statements: [EVENTS, DECISIONS, VIEW_OUTCOMES, POLICY_DOCUMENTS] },
  // The view is made by the newest migration that changes it: its text reads columns of later versions.
  { version: 2, name: 'scored views', statements: [] },
  { version: 3, name: 'reporters', statements: [REPORTERS, DECISION_BLOCKS] },
  { version: 4, name: 'estimates', statements: [...ESTIMATES, SCORED_VIEWS_DDL] },
  { version: 6, name: 'accounting', statements: [DEAD_LETTERS, INGEST_LEDGER] },
  { version: 7, name: 'heights and fatal errors of scored views', statements: [SCORED_VIEWS_DDL] },
];
