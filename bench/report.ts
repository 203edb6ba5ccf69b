import { cpus, totalmem } from 'node:os';
import { median, quantile } from 'simple-statistics';

/** One figure; `spread` is the interquartile range over repetitions. A peer is the alternative, measured in the same run. */
export type BenchResult = {
  metric: string;
  value: number;
  unit: string;
  spread: number;
  peer?: string;
  peerValue?: number;
  /** value ÷ peerValue. */
  ratio?: number;
  target?: string;
  met?: boolean;
};

export type BenchOptions = {
  quick: boolean;
  traces?: string | undefined;
  titles?: string | undefined;
  /** File for what a figure is drawn of. */
  series?: string | undefined;
};

/** A benchmark: measures, and throws only when it could not. */
export type Bench = (options: BenchOptions) => Promise<BenchResult[]>;

/** What this was measured on. */
export function describeMachine(): string {
  const [cpu] = cpus();
  return `${cpus().length} × ${cpu?.model.trim() ?? 'unknown'}, ${Math.round(totalmem() / 1024 ** 3)} GiB, Node ${process.version}`;
}

/** Median and interquartile range of repeated measurements. */
export function summarise(samples: readonly number[]): { value: number; spread: number } {
  const all = [...samples];
  return { value: median(all), spread: quantile(all, 0.75) - quantile(all, 0.25) };
}

export function printResults(name: string, results: readonly BenchResult[]): void {
  process.stdout.write(`${name} on ${describeMachine()}\n`);
  for (const { metric, value, unit, spread, peer, peerValue, ratio, target, met } of results) {
    const beside =
      peer === undefined ? '' : `; ${peer}: ${format(peerValue ?? 0)} ${unit}, ratio ${format(ratio ?? 0)}`;
    const aim = target === undefined ? '' : `; target ${target}: ${met ? 'met' : 'MISSED'}`;
    process.stdout.write(`  ${metric}: ${format(value)} ${unit} (± ${format(spread)})${beside}${aim}\n`);
  }
}

function format(value: number): string {
  if (Math.abs(value) >= 1000) return Math.round(value).toLocaleString('en');
  return value.toPrecision(3);
}
