/** Short side and average kbit/s of Apple's reference ladder for H.264 (HLS authoring specification, appendix), lowest first. */
export const APPLE_REFERENCE = [
  [234, 145],
  [360, 365],
  [432, 730],
  [432, 1100],
  [540, 2000],
  [720, 3000],
  [720, 4500],
  [1080, 6000],
  [1080, 7800],
] as const;
