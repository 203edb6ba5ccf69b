import type { IncomingMessage, ServerResponse } from 'node:http';
import { LRUCache } from 'lru-cache';
import type { Logger } from 'pino';
import type { Context } from '../../domain/index.ts';
import type { Ingest, IngestResult } from '../../telemetry/ingest.ts';
import { mayDo } from '../authenticate.ts';
import type { Principal } from '../key-store.ts';
import { Problem, sendProblem } from '../problem.ts';
import { readBody } from './read-body.ts';
import { cmcdBatches, type DecodedBatches, ingestBatches, nativeBatches } from './report-batches.ts';

export type IngestHttpPorts = {
  /** The sender, by key, or by signature over `body` where it has one; throws 401 or 403 Problems. */
  identify(request: IncomingMessage, query: URLSearchParams, body: Buffer | null): Principal;
  ingest: Ingest;
  observe(request: IncomingMessage): { context: Context; block: string };
  nowMs(): number;
  onResponse(seen: { method: string; route: string; status: number; seconds: number }): void;
};

/** Of a batch, decompressed. */
const MAX_BATCH_BYTES = 1024 * 1024;
/** Browsers send no larger beacon, and only beacons are text/plain. */
const MAX_BEACON_BYTES = 64 * 1024;

const REMEMBERED_QUERIES = 1_000;
const SHARED_HEADERS = { 'Access-Control-Allow-Origin': '*', 'X-Content-Type-Options': 'nosniff' };
/** As node writes them without looking at each: names and values in turn. */
const ACCEPTED_HEADERS = Object.entries({
  ...SHARED_HEADERS,
  'Content-Type': 'application/json; charset=utf-8',
}).flat();

type ReportRoute = {
  path: string;
  takenStatus: 200 | 202;
  decode(body: string, from: { trusted: boolean; receivedAtMs: number }): DecodedBatches;
};

/** Paths that POST here. */
export const REPORT_ROUTES: readonly ReportRoute[] = [
  { path: '/v1/telemetry', takenStatus: 202, decode: (body, { trusted }) => nativeBatches(body, trusted) },
  // shaka-player takes a 202 for a failure and sends everything twice.
  { path: '/v1/cmcd', takenStatus: 200, decode: (body, { receivedAtMs }) => cmcdBatches(body, receivedAtMs) },
];

/**
 * The two addresses that players report to, on node's own server because a framework costs more than the work itself.
 * Answers false where a request is somebody else's.
 */
export function createIngestHandler(
  ports: IngestHttpPorts,
  log: Logger,
): (request: IncomingMessage, response: ServerResponse) => boolean {
  const queryOf = rememberQueries();

  return (request, response) => {
    if (request.method !== 'POST') return false;
    const url = request.url ?? '';
    const queryAt = url.indexOf('?');
    const path = queryAt === -1 ? url : url.slice(0, queryAt);
    const route = REPORT_ROUTES.find((candidate) => candidate.path === path);
    if (route === undefined) return false;
    const startedAt = performance.now();
    accept(ports, route, request, queryOf(queryAt === -1 ? '' : url.slice(queryAt + 1))).then(
      ({ accepted, duplicates, rejected }) => {
        const text = JSON.stringify({ accepted, duplicates, rejected });
        response.writeHead(route.takenStatus, [...ACCEPTED_HEADERS, 'Content-Length', String(Buffer.byteLength(text))]);
        response.end(text);
        answered(ports, route, route.takenStatus, startedAt);
      },
      (error: unknown) => {
        for (const [name, value] of Object.entries(SHARED_HEADERS)) response.setHeader(name, value);
        // What is left of the body is not worth reading.
        if (!request.complete) response.setHeader('Connection', 'close');
        sendProblem(error, request, response, log);
        answered(ports, route, response.statusCode, startedAt);
      },
    );
    return true;
  };
}

function answered(ports: IngestHttpPorts, route: ReportRoute, status: number, startedAt: number): void {
  ports.onResponse({
    method: 'POST',
    route: route.path,
    status,
    seconds: (performance.now() - startedAt) / 1000,
  });
}

/** A player reports to one URL all its life, and most players of a platform to the same one. */
function rememberQueries(): (query: string) => URLSearchParams {
  const known = new LRUCache<string, URLSearchParams>({ max: REMEMBERED_QUERIES });
  return (query) => {
    const parsed = known.get(query) ?? new URLSearchParams(query);
    known.set(query, parsed);
    return parsed;
  };
}

type Stored = Extract<IngestResult, { kind: 'stored' }>;

/** Reads and stores a body; while it waits for the disk nothing of it is held. */
async function accept(
  ports: IngestHttpPorts,
  route: ReportRoute,
  request: IncomingMessage,
  query: URLSearchParams,
): Promise<Stored> {
  // A key is looked at before the body is; a signature is over the body.
  const byKey = request.headers['nara-key'] === undefined ? ports.identify(request, query, null) : null;
  const contentType = request.headers['content-type'] ?? '';
  const isBeacon = contentType.startsWith('text/plain');
  return readBody(request, { maxBytes: isBeacon ? MAX_BEACON_BYTES : MAX_BATCH_BYTES })
    .then((body) => store(ports, route, request, body, byKey ?? ports.identify(request, query, body)))
    .then((result) => {
      if (result.kind === 'stored') return result;
      throw new Problem(503, 'telemetry.full', 'The telemetry spool is full; send these events again later.', result);
    });
}

function store(
  ports: IngestHttpPorts,
  route: ReportRoute,
  request: IncomingMessage,
  body: Buffer,
  sender: Principal,
): Promise<IngestResult> {
  const trusted = mayDo(sender, 'decide');
  const decoded = route.decode(body.toString(), { trusted, receivedAtMs: ports.nowMs() });
  if (decoded.kind === 'unreadable') throw unreadable(decoded);
  const { context, block } = ports.observe(request);
  return ingestBatches(ports.ingest, decoded.batches, { context, block: trusted ? '' : block, trusted });
}

function unreadable({ expected, received }: Extract<DecodedBatches, { kind: 'unreadable' }>): Problem {
  return new Problem(400, 'telemetry.unreadable', `The body: expected ${expected} (got ${received}).`, {
    errors: [{ path: '', expected, received }],
  });
}
