/** A point of a curve. */
export type CurvePoint = { x: number; y: number };

type Node = CurvePoint & { slope: number };

/**
 * The piecewise cubic through `points` (x strictly rising, at least one) that never overshoots them: rising points make a
 * rising curve (Fritsch and Carlson 1980). Straight on at the end slopes beyond the ends.
 */
export function monotoneCubic(points: readonly CurvePoint[]): (x: number) => number {
  const nodes = withSlopes(points);
  const first = nodes[0];
  const last = nodes.at(-1);
  if (!first || !last) throw new RangeError('points: expected at least 1 (got 0)');
  return (x) => {
    if (x <= first.x) return first.y + (x - first.x) * first.slope;
    if (x >= last.x) return last.y + (x - last.x) * last.slope;
    const right = nodes.findIndex((node) => node.x >= x);
    return between(nodes[right - 1] ?? first, nodes[right] ?? last, x);
  };
}

/** Cubic Hermite between two nodes. */
function between(left: Node, right: Node, x: number): number {
  const width = right.x - left.x;
  const t = (x - left.x) / width;
  const rise = (right.y - left.y) * t * t * (3 - 2 * t);
  return left.y + rise + width * t * (1 - t) * ((1 - t) * left.slope - t * right.slope);
}

function withSlopes(points: readonly CurvePoint[]): Node[] {
  const secants = points.slice(1).map((point, index) => {
    const before = points[index] ?? point;
    return (point.y - before.y) / (point.x - before.x);
  });
  return points.map((point, index) => {
    const left = secants[index - 1];
    const right = secants[index];
    if (left === undefined || right === undefined) return { ...point, slope: left ?? right ?? 0 };
    // The harmonic mean is 0 where the curve turns and never more than twice the flatter side: enough to be monotone.
    return { ...point, slope: left * right <= 0 ? 0 : (2 * left * right) / (left + right) };
  });
}
