/** One request as an edge cache logged it. */
export type EdgeRequest = {
  /** When the request came, by the edge's clock. */
  atMs: number;
  address: string;
  method: string;
  /** Path and query as the client sent them. */
  uri: string;
  status: number;
  /** What the cache did, in its own word and in capitals; empty when it was not asked. */
  cache: string;
  /** Request headers that were logged, by lower-case name. */
  headers: Record<string, string>;
};

/** A line taken apart, or why it could not be. */
export type ParsedLine = { kind: 'request'; request: EdgeRequest } | { kind: 'unreadable'; expected: string };

/** The formats that are understood; docs/edge.md gives the configuration that writes each. */
export const EDGE_LOG_FORMATS = ['nginx-json', 'nginx-combined'] as const;
export type EdgeLogFormat = (typeof EDGE_LOG_FORMATS)[number];
