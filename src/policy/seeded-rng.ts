import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import type { Rng } from '../domain/index.ts';

/** A 32-bit integer from a text (FNV-1a): for seeds, never for secrets. */
export function hash32(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  return hash | 0;
}

/** A stream of uniform draws, the same for the same seed and stream name; other streams do not disturb it. */
export function seededRng(seed: number, stream: string): Rng {
  const generator = xoroshiro128plus(hash32(`${seed}/${stream}`));
  return () => uniformFloat64(generator);
}

/** Standard normal draws in pairs (Box–Muller). */
export function normalDraws(rng: Rng): Rng {
  let spare = Number.NaN;
  return () => {
    if (!Number.isNaN(spare)) {
      const draw = spare;
      spare = Number.NaN;
      return draw;
    }
    const radius = Math.sqrt(-2 * Math.log(1 - rng()));
    const angle = 2 * Math.PI * rng();
    spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  };
}
