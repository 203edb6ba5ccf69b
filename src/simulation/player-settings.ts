import { DASH_JS_ESTIMATOR, type EstimatorRules, HLS_JS_ESTIMATOR, SHAKA_ESTIMATOR } from './bandwidth-estimator.ts';

/** Whose rules choose the next segment's level. */
export const PLAYER_NAMES = ['hls.js', 'shaka', 'bola'] as const;
export type PlayerName = (typeof PLAYER_NAMES)[number];

/** Settings of the model player; names and defaults of hls.js' rules are hls.js' own. */
export type PlayerSettings = {
  rules: PlayerName;
  estimator: EstimatorRules;
  abrEwmaDefaultEstimateKbps: number;
  /** The first listed variant may raise the default estimate up to this. */
  abrEwmaDefaultEstimateMaxKbps: number;
  abrBandWidthFactor: number;
  abrBandWidthUpFactor: number;
  maxStarvationDelayMs: number;
  /** How far a player buffers ahead. hls.js may go further at low bitrates, which the model does not. */
  maxBufferMs: number;
  /** Requests before the first segment: redirect, multivariant playlist, media playlist, init segment. */
  setupRoundTrips: number;
  /** How often the abandon rule looks at a running download; null when the player never gives one up. */
  abandonCheckMs: number | null;
};

export const HLS_JS_DEFAULTS: PlayerSettings = {
  rules: 'hls.js',
  estimator: HLS_JS_ESTIMATOR,
  abrEwmaDefaultEstimateKbps: 500,
  abrEwmaDefaultEstimateMaxKbps: 5000,
  abrBandWidthFactor: 0.95,
  abrBandWidthUpFactor: 0.7,
  maxStarvationDelayMs: 4000,
  maxBufferMs: 30_000,
  setupRoundTrips: 4,
  abandonCheckMs: 100,
};

/** Shaka Player 5: 1 Mbit/s until 128 kB are in, .95 down and .85 up, ten seconds ahead. */
export const SHAKA_DEFAULTS: PlayerSettings = {
  ...HLS_JS_DEFAULTS,
  rules: 'shaka',
  estimator: SHAKA_ESTIMATOR,
  abrEwmaDefaultEstimateKbps: 1000,
  abrEwmaDefaultEstimateMaxKbps: 1000,
  abrBandWidthUpFactor: 0.85,
  maxBufferMs: 10_000,
  abandonCheckMs: null,
};

/** dash.js 5, its dynamic strategy: throughput × .9 while the buffer is short, BOLA once it is not; 18 s ahead. */
export const BOLA_DEFAULTS: PlayerSettings = {
  ...HLS_JS_DEFAULTS,
  rules: 'bola',
  estimator: DASH_JS_ESTIMATOR,
  abrBandWidthFactor: 0.9,
  abrBandWidthUpFactor: 0.9,
  maxBufferMs: 18_000,
  abandonCheckMs: null,
};

export const PLAYER_DEFAULTS: Readonly<Record<PlayerName, PlayerSettings>> = {
  'hls.js': HLS_JS_DEFAULTS,
  shaka: SHAKA_DEFAULTS,
  bola: BOLA_DEFAULTS,
};

/** Requests each newly chosen level costs before its first segment: media playlist and init segment. */
export const LEVEL_ROUND_TRIPS = 2;
