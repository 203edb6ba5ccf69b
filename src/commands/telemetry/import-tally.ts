import type { ImportAnswer } from '../../api/routes/import-routes.ts';
import type { LineReading } from '../../telemetry/edge-log/absorbed-report.ts';
import type { LogLine } from '../../telemetry/edge-log/read-log-lines.ts';

/** A line that was of no use although it might have been, and what to change. */
export type Example = { at: string; expected: string; received: string };

const EXAMPLES_OF_EACH = 3;

/** What an import came to. */
export type ImportSummary = ReturnType<ImportTally['summary']>;

/** Counts lines by what they were, and events by what became of them. */
export class ImportTally {
  readonly #counts: Record<LineReading['kind'] | 'lines' | 'events' | 'accepted' | 'duplicates' | 'refused', number> = {
    lines: 0,
    report: 0,
    'passed-on': 0,
    'not-served': 0,
    'without-cmcd': 0,
    anonymous: 0,
    'unusable-cmcd': 0,
    unparsable: 0,
    events: 0,
    accepted: 0,
    duplicates: 0,
    refused: 0,
  };
  readonly #examples: Record<string, Example[]> = {};

  /** One line was read. */
  line(path: string, { number }: LogLine, reading: LineReading): void {
    this.#counts.lines += 1;
    this.#counts[reading.kind] += 1;
    if (reading.kind === 'report') this.#counts.events += reading.events.length;
    if ('expected' in reading) this.#example(reading.kind, { ...reading, at: `${path}:${number}` });
  }

  /** A batch of events was taken. */
  answered({ accepted, duplicates, rejected }: ImportAnswer): void {
    this.#counts.accepted += accepted;
    this.#counts.duplicates += duplicates;
    this.#counts.refused += rejected.length;
    for (const { code, errors } of rejected) {
      const [{ expected, received, path } = { expected: code, received: '', path: '' }] = errors;
      this.#example('refused', { at: [code, path].filter(Boolean).join(' '), expected, received });
    }
  }

  summary() {
    const counts = this.#counts;
    return {
      lines: counts.lines,
      /** Requests that the edge answered itself. */
      hits: counts.lines - counts['passed-on'] - counts.unparsable,
      reports: counts.report,
      events: counts.events,
      imported: counts.accepted,
      duplicates: counts.duplicates,
      refused: counts.refused,
      passedOn: counts['passed-on'],
      notServed: counts['not-served'],
      withoutCmcd: counts['without-cmcd'],
      withoutSession: counts.anonymous,
      unusableCmcd: counts['unusable-cmcd'],
      unparsable: counts.unparsable,
      examples: this.#examples,
    };
  }

  #example(kind: string, { at, expected, received }: Example): void {
    const examples = this.#examples[kind] ?? [];
    if (examples.length < EXAMPLES_OF_EACH) this.#examples[kind] = [...examples, { at, expected, received }];
  }
}
