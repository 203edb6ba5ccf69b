import type { Table } from './layout.ts';

/*
 * Each table as the migration that made it declares it; what later migrations added is in migrations.ts.
 */

// Segments are removed from disk once applied, so the server must have them on its own disk by then.
const DURABLE = 'fsync_after_insert = 1, fsync_part_directory = 1';

/** Days that decisions and outcomes are kept. */
export const KEPT_DAYS = 180;

/** What players and uploaders said, append-only. Sorted by view, since outcomes are folded, found and erased by view. */
export const EVENTS: Table = {
  name: 'events',
  columns: `
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
    INDEX segment_index segment TYPE bloom_filter GRANULARITY 1`,
  engine: 'MergeTree',
  partitionBy: 'toDate(received_at)',
  // A fold reads its views' rows of some hours: neighbours here, also when there are very many rows.
  orderBy: '(toStartOfHour(received_at), view_id, event_id)',
  ttl: 'toDateTime(received_at) + INTERVAL 90 DAY',
  settings: DURABLE,
  shardBy: 'cityHash64(view_id)',
};

/** Which arm a view got, with everything that was eligible; append-only. */
export const DECISIONS: Table = {
  name: 'decisions',
  columns: `
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
    INDEX segment_index segment TYPE bloom_filter GRANULARITY 1`,
  engine: 'MergeTree',
  partitionBy: 'toYYYYMM(decided_at)',
  orderBy: '(view_id, decided_at)',
  ttl: `toDateTime(decided_at) + INTERVAL ${KEPT_DAYS} DAY`,
  settings: DURABLE,
  shardBy: 'cityHash64(view_id)',
};

// The row built from the most events wins; raw is append-only, so that number only rises.
export const VIEW_OUTCOMES: Table = {
  name: 'view_outcomes',
  columns: `
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
    event_rows UInt64`,
  engine: 'ReplacingMergeTree(event_rows)',
  partitionBy: 'toYYYYMM(first_received_at)',
  orderBy: 'view_id',
  settings: DURABLE,
  shardBy: 'cityHash64(view_id)',
};

/** Copies of the numbered documents, so that dashboards can say what was in force when. */
export const POLICY_DOCUMENTS: Table = {
  name: 'policy_documents',
  columns: `
    kind LowCardinality(String),
    version UInt32,
    created_at DateTime64(3, 'UTC'),
    document String CODEC(ZSTD)`,
  engine: 'ReplacingMergeTree',
  orderBy: '(kind, version)',
  shardBy: 'cityHash64(kind)',
};

/** How each asset was planned, by whom it would be watched, and what chance made of it; copies of what asset documents say. */
export const ENCODE_PLANS: Table = {
  name: 'encode_plans',
  columns: `
    asset_id String,
    unit_id String,
    planned_at DateTime64(3, 'UTC'),
    config_version UInt32,
    allocation_version UInt32,
    encode_group LowCardinality(String),
    propensity Float64,
    cold Bool,
    audience_level LowCardinality(String),
    regions Array(LowCardinality(String)),
    devices Array(LowCardinality(String)),
    shares Array(Float64),
    watch_seconds Nullable(Float64),
    rung_kbps Array(Float32)`,
  engine: 'ReplacingMergeTree',
  orderBy: 'asset_id',
  ttl: `toDateTime(planned_at) + INTERVAL ${KEPT_DAYS} DAY`,
  settings: DURABLE,
  shardBy: 'cityHash64(asset_id)',
};

/** What came in and could not be stored as an event; `events` is how many a row stands for. */
export const DEAD_LETTERS: Table = {
  name: 'dead_letters',
  columns: `
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
    INDEX segment_index segment TYPE bloom_filter GRANULARITY 1`,
  engine: 'MergeTree',
  partitionBy: 'toDate(received_at)',
  orderBy: 'received_at',
  ttl: 'toDateTime(received_at) + INTERVAL 30 DAY',
  settings: DURABLE,
  shardBy: 'cityHash64(segment)',
};

// Counted on the host's own disk before the rows left it, so that what the database holds can be held against it.
export const INGEST_LEDGER: Table = {
  name: 'ingest_ledger',
  columns: `
    stream LowCardinality(String),
    segment String CODEC(ZSTD),
    entry String,
    at DateTime64(3, 'UTC'),
    row_count UInt64,
    dead_rows UInt64,
    written_at DateTime64(3, 'UTC') DEFAULT now64(3)`,
  engine: 'ReplacingMergeTree(written_at)',
  orderBy: '(stream, segment, entry)',
  ttl: 'toDateTime(at) + INTERVAL 90 DAY',
  settings: DURABLE,
  shardBy: 'cityHash64(segment)',
};

// A mark says that the roll-up of an hour may lack something; it is covered by the build that was begun after it.
export const DIRTY_HOURS: Table = {
  name: 'dirty_hours',
  columns: `
    hour DateTime('UTC') CODEC(ZSTD),
    mark UUID,
    covered UInt8,
    at DateTime('UTC') DEFAULT now()`,
  engine: 'ReplacingMergeTree(covered)',
  orderBy: '(hour, mark)',
  ttl: 'at + INTERVAL 1 DAY DELETE WHERE covered = 1',
  settings: DURABLE,
  shardBy: 'cityHash64(hour)',
};

/** Sums of views by hour and group, in whole builds of an hour; which columns there are beside these is said in repeatable.ts. */
export const HOUR_ROLLUPS: Table = {
  name: 'hour_rollups',
  columns: `
    hour DateTime('UTC') CODEC(ZSTD),
    build UInt64 CODEC(ZSTD),
    region LowCardinality(String),
    device LowCardinality(String),
    connection LowCardinality(String),
    arm LowCardinality(String),
    asset_id String CODEC(ZSTD),
    over_assets Bool MATERIALIZED asset_id = ''`,
  engine: 'MergeTree',
  partitionBy: 'toYYYYMM(hour)',
  // The few rows over all assets lie together, so that reading them reads no others.
  orderBy: '(over_assets, hour, build, region, device, connection, arm, asset_id)',
  ttl: 'hour + INTERVAL 3 YEAR',
  settings: DURABLE,
  shardBy: 'cityHash64(hour)',
};

// Rows of a build count once it stands here; `previous` is the newest that stood here when it was begun.
export const ROLLUP_BUILDS: Table = {
  name: 'rollup_builds',
  columns: `
    hour DateTime('UTC') CODEC(ZSTD),
    build UInt64,
    previous UInt64,
    definition String CODEC(ZSTD),
    built_at DateTime('UTC') DEFAULT now()`,
  engine: 'MergeTree',
  orderBy: '(hour, build)',
  ttl: 'hour + INTERVAL 3 YEAR',
  settings: DURABLE,
  shardBy: 'cityHash64(hour)',
};

/** Who had what erased, and when; `subject` is a keyed hash. Kept for ever: the proof that it was done. */
export const ERASURES: Table = {
  name: 'erasures',
  columns: `
    at DateTime64(3, 'UTC') DEFAULT now64(3),
    kind LowCardinality(String),
    subject String,
    finished Bool,
    actor String,
    reason String,
    rows Map(LowCardinality(String), UInt64),
    hours Array(DateTime('UTC'))`,
  engine: 'MergeTree',
  orderBy: '(kind, subject, at)',
  settings: DURABLE,
  shardBy: 'cityHash64(subject)',
};
