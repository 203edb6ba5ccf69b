/** Time as a value: the pure cores and everything tested take it from here. */
export type Clock = {
  /** Milliseconds since 1970-01-01 UTC. */
  nowMs(): number;
};

/** Chance as a value: uniform draws in [0, 1). */
export type Rng = () => number;
