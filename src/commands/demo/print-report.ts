import type { LadderRung } from '../../domain/index.ts';
import { contextName, POPULATIONS } from './audience.ts';
import type { AssetReport, Compared, ContextReport, DemoReport, LadderReport, Offer } from './report.ts';

const SHOWN_ARMS = 4;
const LINE_WIDTH = 118;

/** The whole story in plain lines, for someone who has never heard of the project. */
export function printReport(report: DemoReport): string[] {
  return [
    '',
    'Uploads (times from the last byte; the second of each region came after learning)',
    ...report.assets.flatMap((asset) => assetLines(asset, report.assets)),
    '',
    'What viewers were offered (share of views given each ladder), at first and now',
    ...report.contexts.flatMap(offerLines),
    ...wrap('  ladders:    ', report.ladders.map(ladderInWords).join('; ')),
    '',
    "How it went: held baseline -> learned. Baseline: all its views; learned: the last two rounds' other views.",
    ...comparisonTable(report.contexts),
    ...takeaways(report.contexts),
    '  Reward is in points: quality seen, less stalls, waiting, switches and traffic (GET /v1/policy has the weights).',
    '',
    ...telemetryLines(report),
    ...(report.ok
      ? ['Everything did what it says.']
      : ['NOT everything did what it says:', ...report.problems.map((problem) => `  - ${problem}`)]),
    `The demo took ${seconds(report.durationMs)}.`,
  ];
}

function telemetryLines({ telemetry, policy }: DemoReport): string[] {
  const { views, viewsStored, sent, accepted, stored } = telemetry;
  return [
    `Telemetry: ${views} views played, ${viewsStored} counted; ${sent} events sent, ${accepted} accepted, ${stored} stored.`,
    `Policy: ${policyName(policy.before)} -> ${policyName(policy.after)}.`,
  ];
}

function policyName({ configVersion, allocationVersion }: DemoReport['policy']['before']): string {
  return `config ${configVersion} allocation ${allocationVersion}`;
}

function assetLines(asset: AssetReport, all: readonly AssetReport[]): string[] {
  const first = all.find(({ region, upload }) => region === asset.region && upload === 1);
  const changed = asset.upload === 2 && first ? [`    now:   ${changeList(first.rungs, asset.rungs)}`] : [];
  return [
    `  ${asset.region}, ${asset.upload === 1 ? 'first upload ' : 'second upload'}  playable after ${seconds(asset.playableMs)}, complete after ${seconds(asset.completeMs)}`,
    `    rungs: ${rungList(asset.rungs)}`,
    ...changed,
    ...wrap('    why:   ', asset.reason),
  ];
}

function changeList(before: readonly LadderRung[], after: readonly LadderRung[]): string {
  const without = (rungs: readonly LadderRung[], others: readonly LadderRung[]): LadderRung[] =>
    rungs.filter(({ bitrateKbps }) => !others.some((other) => other.bitrateKbps === bitrateKbps));
  const [dropped, added] = [without(before, after), without(after, before)];
  if (dropped.length + added.length === 0) return 'the same rungs as before';
  const parts = [
    ...(dropped.length > 0 ? [`without ${rungList(dropped)}`] : []),
    ...(added.length > 0 ? [`with ${rungList(added)}`] : []),
  ];
  return `${parts.join('; ')} (${before.length} rungs before, ${after.length} now)`;
}

/** Rungs as `240p 150, 360p 459 … kbit/s`. */
export function rungList(rungs: readonly LadderRung[]): string {
  return `${rungs.map(({ height, bitrateKbps }) => `${height}p ${bitrateKbps}`).join(', ')} kbit/s`;
}

function ladderInWords({ arm, floorKbps, topKbps, rungCount }: LadderReport): string {
  return `${arm} ${floorKbps} to ${topKbps} kbit/s in ${rungCount}`;
}

function offerLines({ region, device, before, after }: ContextReport): string[] {
  const population = POPULATIONS.find(({ context }) => contextName(context) === contextName({ region, device }));
  return [
    `  ${contextName({ region, device })} on ${population?.traceKind ?? 'an unknown line'}`,
    `    at first: ${offerList(before)}`,
    `    now:      ${offerList(after)}`,
    ...wrap('    why:      ', after.why),
  ];
}

function offerList({ arms }: Offer): string {
  const shown = arms.slice(0, SHOWN_ARMS).map(({ arm, share }) => `${arm} ${percent(share, 0)}`);
  const rest = arms.slice(SHOWN_ARMS).reduce((sum, { share }) => sum + share, 0);
  return [...shown, ...(arms.length > SHOWN_ARMS ? [`others ${percent(rest, 0)}`] : [])].join(', ');
}

/** The table in words; where the learned choice is the baseline, other ladders' views are what exploring still costs. */
function takeaways(contexts: readonly ContextReport[]): string[] {
  return contexts.map((context) => {
    const name = contextName(context);
    if (context.learnsBaseline) {
      return `  ${name}: the baseline is the learned choice; on the right are all views that explored other ladders.`;
    }
    const { bitrateKbps, seenQuality, stallRatio } = context;
    const traffic = difference(
      bitrateKbps,
      (left, right) => right / left - 1,
      (change) => signed(100 * change, 0),
    );
    const quality = difference(
      seenQuality,
      (left, right) => right - left,
      (change) => signed(change, 1),
    );
    const stalls = difference(
      stallRatio,
      (left, right) => right - left,
      (change) => signed(100 * change, 2),
    );
    return `  ${name}: ${context.learnedChoice} is the learned choice: traffic ${traffic} %, seen quality ${quality} points, stall ratio ${stalls} %-points.`;
  });
}

function difference(
  { baseline, learned }: Compared,
  between: (baseline: number, learned: number) => number,
  show: (change: number) => string,
): string {
  return baseline === null || learned === null ? '-' : show(between(baseline, learned));
}

function signed(value: number, digits: number): string {
  const text = value.toFixed(digits);
  if (Number(text) === 0) return Math.abs(value).toFixed(digits);
  return value > 0 ? `+${text}` : text;
}

function comparisonTable(contexts: readonly ContextReport[]): string[] {
  const rows = contexts.map((context) => [
    contextName(context),
    `${context.views.baseline} -> ${context.views.learned}`,
    arrow(context.stallRatio, (value) => percent(value, 2)),
    arrow(context.seenQuality, (value) => value.toFixed(1)),
    arrow(context.bitrateKbps, (value) => `${Math.round(value)}`),
    arrow(context.reward, (value) => value.toFixed(1)),
  ]);
  const header = ['', 'views', 'stall ratio', 'seen quality', 'kbit/s', 'reward'];
  const widths = header.map((title, column) =>
    Math.max(...[header, ...rows].map((row) => row[column]?.length ?? 0), title.length),
  );
  return [header, ...rows].map((row) =>
    `  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('   ')}`.trimEnd(),
  );
}

function arrow({ baseline, learned }: Compared, format: (value: number) => string): string {
  const show = (value: number | null): string => (value === null ? '-' : format(value));
  return `${show(baseline)} -> ${show(learned)}`;
}

function percent(share: number, digits: number): string {
  return `${(100 * share).toFixed(digits)} %`;
}

/** Words behind a label, in lines of at most `LINE_WIDTH` that begin below the first word. */
function wrap(label: string, text: string): string[] {
  const lines: string[] = [];
  let line = label;
  for (const word of text.split(' ')) {
    if (line.length + word.length > LINE_WIDTH && line.trim() !== label.trim()) {
      lines.push(line.trimEnd());
      line = ' '.repeat(label.length);
    }
    line += `${word} `;
  }
  return [...lines, line.trimEnd()];
}

/** Milliseconds as `3.2 s`; null is `never`. */
export function seconds(ms: number | null): string {
  return ms === null ? 'never' : `${(ms / 1000).toFixed(1)} s`;
}
