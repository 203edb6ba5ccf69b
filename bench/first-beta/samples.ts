/** What a virtual user asked for. */
export type Kind = 'feed' | 'manifest' | 'segment' | 'websocket' | 'post' | 'log-in';

/** Those that somebody waits for with the page open: the ones that must stay quick. */
export const READS: readonly Kind[] = ['feed', 'manifest', 'segment', 'websocket'];

/** One request: when it was due, and how long its sender then waited for the first byte of the answer. */
export type Sample = { kind: Kind; atMs: number; firstByteMs: number; failure: string | null };

/** Nearest rank; NaN of nothing. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}
