/** Settings of the model player, names and defaults as in hls.js. */
export type PlayerSettings = {
  abrEwmaDefaultEstimateKbps: number;
  /** The first listed variant may raise the default estimate up to this. */
  abrEwmaDefaultEstimateMaxKbps: number;
  abrBandWidthFactor: number;
  abrBandWidthUpFactor: number;
  maxStarvationDelayMs: number;
  /** hls.js' `maxBufferLength`; it may buffer further ahead at low bitrates, which the model does not. */
  maxBufferMs: number;
  /** Requests before the first segment: redirect, multivariant playlist, media playlist, init segment. */
  setupRoundTrips: number;
  /** How often the abandon rule looks at a running download. */
  abandonCheckMs: number;
};

export const HLS_JS_DEFAULTS: PlayerSettings = {
  abrEwmaDefaultEstimateKbps: 500,
  abrEwmaDefaultEstimateMaxKbps: 5000,
  abrBandWidthFactor: 0.95,
  abrBandWidthUpFactor: 0.7,
  maxStarvationDelayMs: 4000,
  maxBufferMs: 30_000,
  setupRoundTrips: 4,
  abandonCheckMs: 100,
};

/** Requests each newly chosen level costs before its first segment: media playlist and init segment. */
export const LEVEL_ROUND_TRIPS = 2;
