import type { LadderRung } from '../domain/index.ts';
import { pointsOf } from './audience-value.ts';
import type { FeasibleLadder, PlanProblem } from './learned-rungs.ts';
import { cheapestCover } from './rung-cover.ts';
import { mergeRungs } from './rung-union.ts';

/**
 * The baseline's rungs and whatever every other ladder needs, as far as `supersetRungs` goes: on such an asset every arm can still be
 * given, also those that plans have stopped making. The worthiest come first where not all fit.
 */
export function supersetRungs({ ladders, baseline, parts, settings, costOf }: PlanProblem): LadderRung[] {
  const { mergeRatio } = settings;
  const isLacking = (rung: LadderRung): boolean => mergeRungs(baseline, [rung], mergeRatio).length > baseline.length;
  const rules = { maxRungs: settings.supersetRungs - baseline.length, mergeRatio, costOf };
  const worth = (ladder: FeasibleLadder): number =>
    parts.reduce((sum, part) => sum + part.share * pointsOf(part, ladder), 0);
  let wanted: LadderRung[] = [];
  let added: LadderRung[] = [];
  for (const ladder of [...ladders].sort((left, right) => worth(right) - worth(left))) {
    const together = [...wanted, ...ladder.rungs.filter(isLacking)];
    const cover = cheapestCover(together, together, rules);
    if (cover === null) continue;
    wanted = together;
    added = cover.rungs;
  }
  return [...baseline, ...added].sort((left, right) => left.bitrateKbps - right.bitrateKbps);
}
