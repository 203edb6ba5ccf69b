import type { Effect } from '../policy/clustered-effect.ts';
import { EFFECT_METRICS, type EffectsReport } from '../policy/effects-report.ts';
import { printTable } from './print.ts';

/** `nara policy effects` for people. */
export function printEffects({ from, to, encoding, playTime, audience, summary }: EffectsReport): void {
  process.stdout.write(`${from} to ${to}\n${summary.join('\n')}\n\n`);
  const rows = (of: string, effects: EffectsReport['encoding']['effects']) =>
    EFFECT_METRICS.map((name) => [of, name, ...effectRow(effects[name])]);
  printTable(
    ['effect of', 'metric', 'held', 'treated', 'difference', '95 % from', '95 % to', 'by', 'views', 'assets'],
    [...rows('encoding', encoding.effects), ...rows('play time', playTime.effects)],
  );
  process.stdout.write('\n');
  printTable(
    ['group', 'planned', 'assets', 'rungs each'],
    encoding.groups.map(({ group, cold, assets, rungs }) => [group, cold ? 'cold' : 'with evidence', assets, rungs]),
  );
  process.stdout.write('\n');
  printTable(
    ['audience from', 'assets', 'came from elsewhere', '95 % from', '95 % to', 'by chance alone', 'watched, octaves'],
    audience.map(({ level, error, chance, watchOctaves }) => [
      level,
      error.n,
      ...[error.value, error.ci95?.[0], error.ci95?.[1], chance, watchOctaves.value].map(shown),
    ]),
  );
}

function effectRow({ value, ci95, clusteredBy, n, treated, held }: Effect): (string | number)[] {
  const figures = [held.value, treated.value, value, ci95?.[0], ci95?.[1]].map(shown);
  return [...figures, clusteredBy ?? '', n, treated.assets + held.assets];
}

const shown = (figure: number | null | undefined): string | number => figure ?? '–';
