import type { BenchResult } from '../report.ts';
import type { Digest, Waits } from './digest.ts';

/** People do not notice less than this, however idle the machine was before. */
const LIMIT_MS = 25;
const IDLE_RATIO = 2;
const ENCODE_RATIO = 1.5;

/** The rows of the table: each variant against its own idle machine, the governed one against its targets. */
export function compare(variants: readonly Digest[]): BenchResult[] {
  const [governed, ungoverned] = variants;
  if (governed === undefined || ungoverned === undefined) throw new Error('there is nothing to compare with');
  return [
    ...variants.map((variant) => waitRow(variant, variant === governed)),
    ...kindRows(governed),
    ...variants.map(({ variant, failures }) =>
      row(`${variant}: failed requests`, failures.length, 'requests', variant === governed.variant ? '0' : undefined),
    ),
    ...variants.map(({ variant, uploads }) => {
      const unplayable = uploads.filter(({ plays }) => !plays).length;
      return row(`${variant}: uploads that do not play`, unplayable, 'uploads', '0');
    }),
    encodeRow(governed, ungoverned),
    ...variants.map(({ variant, uploads }) =>
      row(`${variant}: first upload's first byte to everything complete`, last(uploads, 'complete'), 's'),
    ),
  ];
}

function waitRow({ variant, idle, busy }: Digest, isGoverned: boolean): BenchResult {
  const limit = Math.max(LIMIT_MS, IDLE_RATIO * idle.p99);
  return {
    metric: `${variant}: p99 to first byte of reads while uploads arrive and encode`,
    value: busy.p99,
    unit: 'ms',
    spread: 0,
    peer: 'idle before',
    peerValue: idle.p99,
    ratio: busy.p99 / idle.p99,
    ...(isGoverned ? { target: `≤ ${limit.toFixed(0)} ms`, met: busy.p99 <= limit } : {}),
  };
}

function kindRows({ variant, idleByKind, busyByKind }: Digest): BenchResult[] {
  return Object.entries(busyByKind).map(([kind, { p99 }]) => {
    const idle = idleByKind[kind as keyof typeof idleByKind]?.p99 ?? Number.NaN;
    return {
      metric: `${variant}: p99 of ${kind}`,
      value: p99,
      unit: 'ms',
      spread: 0,
      peer: 'idle before',
      peerValue: idle,
      ratio: p99 / idle,
    };
  });
}

/** The slowest upload of each, from its own last byte. */
function encodeRow(governed: Digest, ungoverned: Digest): BenchResult {
  const slowest = ({ uploads }: Digest): number =>
    Math.max(...uploads.map(({ complete, uploaded }) => complete - uploaded));
  const ratio = slowest(governed) / slowest(ungoverned);
  return {
    metric: 'governed: last byte to complete, slowest upload',
    value: slowest(governed),
    unit: 's',
    spread: 0,
    peer: ungoverned.variant,
    peerValue: slowest(ungoverned),
    ratio,
    target: `ratio ≤ ${ENCODE_RATIO}`,
    met: ratio <= ENCODE_RATIO,
  };
}

function row(metric: string, value: number, unit: string, target?: string): BenchResult {
  return { metric, value, unit, spread: 0, ...(target === undefined ? {} : { target, met: value === Number(target) }) };
}

const last = (uploads: Digest['uploads'], what: 'complete'): number =>
  Math.max(...uploads.map((upload) => upload[what]));

/** A variant in some lines, told as soon as it is over. */
export function describe({ variant, idle, busy, idleByKind, busyByKind, failures, uploads }: Digest): string {
  const line = (name: string, { count, p50, p95, p99, max }: Waits): string =>
    `    ${name}: p50 ${p50}, p95 ${p95}, p99 ${p99}, max ${max} ms of ${count}\n`;
  const kinds = (of: Digest['busyByKind'], when: string): string =>
    Object.entries(of)
      .map(([kind, waits]) => line(`${when} ${kind}`, waits))
      .join('');
  const times = uploads.map(({ uploaded, playable, complete }) => `${uploaded}/${playable}/${complete}`).join('  ');
  return [
    `  ${variant}\n`,
    line('idle reads', idle),
    kinds(idleByKind, 'idle'),
    line('busy reads', busy),
    kinds(busyByKind, 'busy'),
    `    uploaded/playable/complete at s: ${times}\n`,
    failures.length === 0
      ? ''
      : `    ${failures.length} failed, e.g. ${[...new Set(failures)].slice(0, 3).join('; ')}\n`,
  ].join('');
}
