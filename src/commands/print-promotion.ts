import type { Compared } from '../domain/index.ts';
import type { TrialReport } from '../policy/promotion/describe-trial.ts';
import { printTable } from './print.ts';

/** `GET /v1/policy/promotion`. */
export type Promotion = { inForceVersion: number; trial: TrialReport | null };

/** The config on trial: what it changes, what is known of it, and what is to be done about it. */
export function printPromotion({ inForceVersion, trial }: Promotion): void {
  const write = (line: string): void => void process.stdout.write(`${line}\n`);
  if (trial === null) return write(`config ${inForceVersion} is in force, and none is on trial.`);
  const { configVersion, stage, share, held, since, diff, evidence, verdict } = trial;
  write(`config ${inForceVersion} is in force; config ${configVersion} is on trial since ${since}`);
  write(`stage ${stage}${held ? ', held' : ''}: ${100 * share} % of new views`);
  write(`${verdict.move === null ? 'stays' : `goes on to ${verdict.move}`}: ${verdict.reason}\n`);
  printTable(
    ['setting', 'in force', 'on trial'],
    diff.map(({ path, before, after }) => [path, textOf(before), textOf(after)]),
  );
  const rows = evidenceRows(evidence);
  if (rows.length === 0) return;
  write('');
  printTable(['evidence', 'difference', 'at least', 'at most', 'views', 'beside'], rows);
}

function evidenceRows({ shadow, trial }: TrialReport['evidence']): (string | number)[][] {
  const row = (name: string, { difference, low, high }: Compared, views: number, beside: number) => [
    name,
    difference,
    low ?? 'anything',
    high ?? 'anything',
    Math.round(views),
    Math.round(beside),
  ];
  return [
    ...(shadow === null ? [] : [row('points, from logged views', shadow.gain, shadow.effectiveViews, shadow.views)]),
    ...(trial === null
      ? []
      : [
          row('points', trial.reward, trial.views, trial.controlViews),
          row('stall ratio', trial.stallRatio, trial.views, trial.controlViews),
          row('start failures', trial.startFailure, trial.views, trial.controlViews),
          row('never heard of', trial.unheard, trial.views, trial.controlViews),
        ]),
  ];
}

const textOf = (value: unknown): string =>
  value === undefined ? '' : typeof value === 'string' ? value : JSON.stringify(value);
