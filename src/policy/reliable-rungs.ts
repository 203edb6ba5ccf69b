import type { Audience, LadderRung } from '../domain/index.ts';
import type { FeasibleLadder } from './learned-rungs.ts';

/** A player holds a rung when its line carries this much more. */
const LINE_HEADROOM = 1.3;

/** Ladders as an audience's lines can use them, and the rung that its slow lines need beside them. */
export type ReliableLadders = { ladders: FeasibleLadder[]; needed: LadderRung[] };

/**
 * Reliability before pixels: what fewer than one line in twenty could play is not made, and where one line in ten cannot hold the
 * baseline's floor, the floor of a lower ladder is, so that this ladder can be given there. An audience of unknown lines changes nothing.
 */
export function reliableLadders(ladders: readonly FeasibleLadder[], { lineKbps }: Audience): ReliableLadders {
  if (lineKbps === undefined) return { ladders: [...ladders], needed: [] };
  const capped = ladders.map((ladder) => {
    const playable = ladder.rungs.filter(({ bitrateKbps }) => bitrateKbps <= lineKbps.p95);
    return { ...ladder, rungs: playable.length > 0 ? playable : ladder.rungs.slice(0, 1) };
  });
  const heldKbps = lineKbps.p10 / LINE_HEADROOM;
  const baselineFloorKbps = ladders.find(({ baseline }) => baseline)?.rungs[0]?.bitrateKbps ?? 0;
  if (heldKbps >= baselineFloorKbps) return { ladders: capped, needed: [] };
  const floors = ladders
    .flatMap(({ rungs }) => rungs.slice(0, 1))
    .filter(({ bitrateKbps }) => bitrateKbps < baselineFloorKbps)
    .sort((left, right) => left.bitrateKbps - right.bitrateKbps);
  const held = floors.filter(({ bitrateKbps }) => bitrateKbps <= heldKbps).at(-1) ?? floors[0];
  return { ladders: capped, needed: held === undefined ? [] : [held] };
}
