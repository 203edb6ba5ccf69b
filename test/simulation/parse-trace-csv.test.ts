import { describe, expect, it } from 'vitest';
import { parseTraceCsv, TraceFormatError } from '../../src/simulation/parse-trace-csv.ts';

describe('a measured trace file', () => {
  it('is read by its column names, in any order, with or without a last newline', () => {
    const trace = parseTraceCsv('latency_ms,bandwidth_kbps,duration_ms\r\n100,1500.5,1010\r\n90,0,500\r\n');
    expect(trace.segments).toEqual([
      { durationMs: 1010, bandwidthKbps: 1500.5, latencyMs: 100 },
      { durationMs: 500, bandwidthKbps: 0, latencyMs: 90 },
    ]);
  });

  it.each([
    ['', 'line 1: expected a column duration_ms'],
    ['duration_ms,bandwidth_kbps\n1,2', 'line 1: expected a column latency_ms'],
    [
      'duration_ms,bandwidth_kbps,latency_ms\n1000,800,20\n1000,,20',
      'line 3: bandwidth_kbps must be a number (got "")',
    ],
    ['duration_ms,bandwidth_kbps,latency_ms\n-1,800,20', 'trace.segments[0].durationMs must be above 0 (got -1)'],
    ['duration_ms,bandwidth_kbps,latency_ms\n', 'must carry at least one bit'],
  ])('says what is wrong with %j', (text, message) => {
    expect(() => parseTraceCsv(text)).toThrow(TraceFormatError);
    expect(() => parseTraceCsv(text)).toThrow(message);
  });
});
