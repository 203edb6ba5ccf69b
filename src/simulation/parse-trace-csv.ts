import { createTrace, type ThroughputTrace, type TraceSegment } from './throughput-trace.ts';

const COLUMNS = ['duration_ms', 'bandwidth_kbps', 'latency_ms'] as const;

/** A trace file that is not one; the message names line and column. */
export class TraceFormatError extends Error {
  readonly code = 'trace.format';
  override readonly name = 'TraceFormatError';
}

/** Reads a measured trace: a header with at least duration_ms, bandwidth_kbps and latency_ms, then one line per segment. */
export function parseTraceCsv(text: string): ThroughputTrace {
  const [header = '', ...lines] = text.split(/\r?\n/).filter((line) => line.trim() !== '');
  const names = header.split(',').map((name) => name.trim());
  const positions = COLUMNS.map((column) => {
    const position = names.indexOf(column);
    if (position < 0) throw new TraceFormatError(`line 1: expected a column ${column} (got ${header.slice(0, 80)})`);
    return position;
  });
  const segments = lines.map((line, index) => parseLine(line, index + 2, positions));
  try {
    return createTrace(segments);
  } catch (cause) {
    throw new TraceFormatError(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

function parseLine(line: string, lineNumber: number, positions: readonly number[]): TraceSegment {
  const cells = line.split(',');
  const [durationMs, bandwidthKbps, latencyMs] = positions.map((position, column) => {
    const cell = cells[position]?.trim() ?? '';
    const value = Number(cell);
    if (cell === '' || !Number.isFinite(value)) {
      throw new TraceFormatError(
        `line ${lineNumber}: ${COLUMNS[column]} must be a number (got "${cell.slice(0, 40)}")`,
      );
    }
    return value;
  });
  return { durationMs: durationMs ?? 0, bandwidthKbps: bandwidthKbps ?? 0, latencyMs: latencyMs ?? 0 };
}
