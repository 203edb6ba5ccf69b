import type { EventSource } from '../../domain/index.ts';
import type { CmcdReport } from '../../telemetry/cmcd/cmcd-report.ts';
import { decodeCmcdBody } from '../../telemetry/cmcd/decode-body.ts';
import { decodeEvents } from '../../telemetry/decode-events.ts';
import type { Arrival, Ingest, IngestResult, Rejected } from '../../telemetry/ingest.ts';
import { Refusal } from '../../telemetry/refusal.ts';

/** Candidates for ingest of one source; `indexes` says where in the body each one stood, null: where it stands here. */
export type Batch = { source: EventSource; candidates: unknown[]; indexes: number[] | null };

export type DecodedBatches =
  | { kind: 'batches'; batches: Batch[] }
  | { kind: 'unreadable'; expected: string; received: string };

/** Events are two levels deep. What is read iteratively but written recursively, into reasons and dead letters, must not be much deeper. */
const MAX_LEVELS = 16;

/** Native events: JSON, NDJSON or a beacon's text. */
export function nativeBatches(body: string, trusted: boolean): DecodedBatches {
  const decoded = decodeEvents(body);
  if (decoded.kind === 'unreadable') return decoded;
  const candidates = decoded.events.map((event) => (isDeeper(event, MAX_LEVELS) ? TOO_DEEP : event));
  const source = trusted ? 'server' : 'beacon';
  return { kind: 'batches', batches: [{ source, candidates, indexes: null }] };
}

const TOO_DEEP = new Refusal(
  'event.unreadable',
  [{ path: '', expected: `at most ${MAX_LEVELS} levels of nesting`, received: 'more' }],
  '',
);

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (levels === 0) return true;
  for (const key in value) {
    const inner = (value as Record<string, unknown>)[key];
    if (typeof inner === 'object' && isDeeper(inner, levels - 1)) return true;
  }
  return false;
}

/** CMCD event mode. Never unreadable: players drop what is answered with a 4xx, so every bad line is a dead letter instead. */
export function cmcdBatches(body: string, receivedAtMs: number): DecodedBatches {
  const bySource = new Map<EventSource, Batch & { indexes: number[] }>();
  for (const { index, report } of decodeCmcdBody(body, receivedAtMs)) {
    const batch = bySource.get(report.source) ?? { source: report.source, candidates: [], indexes: [] };
    bySource.set(report.source, batch);
    for (const candidate of candidatesOf(report)) {
      batch.candidates.push(candidate);
      batch.indexes.push(index);
    }
  }
  return { kind: 'batches', batches: [...bySource.values()] };
}

/** A report's events, or its refusal. */
export function candidatesOf(report: CmcdReport): unknown[] {
  if (report.kind === 'events') return report.events;
  const { code, expected, received } = report;
  return [new Refusal(code, [{ path: '', expected, received }], received)];
}

/** Ingests batch by batch; what is refused is answered at its place in the body. */
export function ingestBatches(
  ingest: Ingest,
  batches: readonly Batch[],
  arrival: Omit<Arrival, 'source'>,
): Promise<IngestResult> {
  const [first] = batches;
  if (first?.indexes === null && batches.length === 1)
    return ingest(first.candidates, { ...arrival, source: first.source });
  return ingestOneByOne(ingest, batches, arrival);
}

async function ingestOneByOne(
  ingest: Ingest,
  batches: readonly Batch[],
  arrival: Omit<Arrival, 'source'>,
): Promise<IngestResult> {
  let accepted = 0;
  let duplicates = 0;
  const rejected: Rejected[] = [];
  for (const { source, candidates, indexes } of batches) {
    const result = await ingest(candidates, { ...arrival, source });
    if (result.kind === 'full') return result;
    accepted += result.accepted;
    duplicates += result.duplicates;
    for (const refused of result.rejected)
      rejected.push({ ...refused, index: indexes?.[refused.index] ?? refused.index });
  }
  return { kind: 'stored', accepted, duplicates, rejected };
}
