import type {
  ArmAllocation,
  Audience,
  Context,
  EncodeGroup,
  LadderRung,
  PolicyConfig,
  Source,
} from '../domain/index.ts';
import { type AudiencePart, pointsOf } from './audience-value.ts';
import type { RungLimits } from './feasible-rungs.ts';
import { shortSide } from './resolve-arm.ts';
import { coverage } from './rung-union.ts';

/** Parts of the audience a reason names; the rest is in the plan's `audience`. */
const NAMED_PARTS = 3;

type Ladder = { arm: string; baseline: boolean; rungs: readonly LadderRung[] };
type Win = { part: AudiencePart; arm: ArmAllocation; points: number };

const percent = (share: number): string => `${Math.round(100 * share)} %`;
const plural = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;

/** A context in words: `NO phone cellular`, leaving out what is unknown. */
export function contextInWords({ region, device, connection }: Context): string {
  const known = [device, connection].filter((word) => word !== 'unknown');
  return [region === 'ZZ' ? 'unknown region' : region, ...known].join(' ');
}

function audienceInWords({ level, views }: Audience, parts: readonly AudiencePart[]): string {
  const basis = {
    owner: `${plural(views, 'view')} of this owner's videos`,
    region: `${plural(views, 'view')} in the uploader's region`,
    everyone: `${plural(views, 'view')} everywhere`,
    cold: 'an assumption, no views yet',
  }[level];
  const named = parts.slice(0, NAMED_PARTS).map(({ context, share }) => `${percent(share)} ${contextInWords(context)}`);
  const rest = parts.length > NAMED_PARTS ? ', …' : '';
  return `audience ${named.join(', ')}${rest} (from ${basis})`;
}

/** The surely better arms whose rungs the plan carries, where they win: what the plan was made for. */
function wins(
  parts: readonly AudiencePart[],
  ladders: readonly Ladder[],
  isCarried: (ladder: Ladder) => boolean,
): Win[] {
  return parts.flatMap((part) => {
    const best = ladders
      .filter((ladder) => !ladder.baseline && isCarried(ladder))
      .map((ladder) => ({ part, arm: part.arms.get(ladder.arm), points: pointsOf(part, ladder) }))
      .filter((win): win is Win => win.arm !== undefined && win.points > 0)
      .sort((left, right) => right.points - left.points)[0];
    return best ? [best] : [];
  });
}

const winInWords = ({ part, arm, points }: Win): string =>
  `${arm.arm} is worth ${points.toFixed(1)} points over the baseline in ${contextInWords(part.context)} ` +
  `(P(best) ${percent(arm.pBest)}, ${plural(Math.round(arm.effectiveN), 'view')})`;

/** What the audience's lines asked for, and what was given up to plan in time. */
function linesInWords({ needed, audience, shortfall }: Parameters<typeof planReason>[0]): string {
  const [low] = needed;
  const slow =
    low === undefined || audience.lineKbps === undefined
      ? ''
      : ` One line in ten of its audience has less than ${Math.round(audience.lineKbps.p10)} kbit/s, so ${low.bitrateKbps} kbit/s is made: reliability comes before pixels.`;
  return shortfall > 0 ? `${slow} Other rungs could be at most ${shortfall.toFixed(2)} points better.` : slow;
}

function limitsInWords(
  source: Pick<Source, 'width' | 'height'>,
  limits: RungLimits,
  uplinkKbps: number | null,
): string {
  const kbps = Number.isFinite(limits.maxKbps) ? ` and ${Math.round(limits.maxKbps)} kbit/s` : '';
  const bounds = ` No rung exceeds ${limits.maxHeight} lines${kbps}, from a source of ${shortSide(source)} lines.`;
  if (uplinkKbps === null) return bounds;
  const line = `the uploader's line measured ${Math.round(uplinkKbps)} kbit/s`;
  return `${bounds} Capped at ${limits.maxHeight} lines because ${line}: reliability comes before pixels.`;
}

/** Why an asset gets these rungs, in sentences for an operator. */
export function planReason(plan: {
  audience: Audience;
  parts: readonly AudiencePart[];
  ladders: readonly Ladder[];
  baseline: readonly LadderRung[];
  rungs: readonly LadderRung[];
  settings: PolicyConfig['encode'];
  group: EncodeGroup;
  /** Rungs made because of the audience's slow lines. */
  needed: readonly LadderRung[];
  /** Points by which other rungs could at most be better. */
  shortfall: number;
  limits: RungLimits;
  source: Pick<Source, 'width' | 'height'>;
  uplinkKbps: number | null;
}): string {
  const { group } = plan;
  const tail = linesInWords(plan) + limitsInWords(plan.source, plan.limits, plan.uplinkKbps);
  if (group === 'holdout') {
    return `Held out: the baseline's rungs alone, so that the effect of encoding by what was learned can be measured.${tail}`;
  }
  const who = audienceInWords(plan.audience, plan.parts);
  if (group === 'superset') {
    const extra = plural(plan.rungs.length - plan.baseline.length, 'more rung');
    return `Superset: the baseline's rungs and ${extra}, so that every ladder can still be tried for its ${who}.${tail}`;
  }
  // A panel asset has room for some of a better ladder's rungs only; any ladder that wins explains what it was given.
  const isCarried = (ladder: Ladder): boolean =>
    group === 'panel' || coverage(ladder.rungs, plan.rungs, plan.settings.mergeRatio) === 1;
  const won = wins(plan.parts, plan.ladders, isCarried).slice(0, NAMED_PARTS).map(winInWords).join('; ');
  if (group === 'panel') {
    const extra = plural(plan.rungs.length - plan.baseline.length, 'more rung');
    const why = won ? `as ${won}` : 'so that other ladders can be tried, as none is surely better yet';
    return `Lift panel: the baseline's rungs and ${extra} for its ${who}, ${why}.${tail}`;
  }
  if (!won) return `The baseline's choice for its ${who}: no other ladder is surely better yet.${tail}`;
  const lead = sameRungs(plan.rungs, plan.baseline)
    ? "The baseline's rungs, which also carry what was learned"
    : 'Differs from the baseline';
  return `${lead} for its ${who}: ${won}.${tail}`;
}

function sameRungs(left: readonly LadderRung[], right: readonly LadderRung[]): boolean {
  return left.length === right.length && left.every((rung, index) => rung.bitrateKbps === right[index]?.bitrateKbps);
}
