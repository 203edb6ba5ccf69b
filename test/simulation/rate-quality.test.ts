import { describe, expect, it } from 'vitest';
import { generateTitle } from '../../src/simulation/generate-title.ts';
import { createTitle, parseTitle, rungAt, titleLadder } from '../../src/simulation/rate-quality.ts';
import { uniforms } from '../policy/policy-fixtures.ts';

const rung = (averageKbps: number, quality: number[]) => ({
  averageKbps,
  chunkBytes: quality.map(() => (averageKbps * 4000) / 8),
  quality: { phone: quality, desktop: quality, tv: quality },
});
/** Two rungs a factor of four apart: half-way in log-bitrate is a factor of two. */
const title = createTitle('made', 4000, [rung(4000, [90, 80]), rung(1000, [50, 60])]);

describe('a rung nobody encoded', () => {
  it('lies half-way between two measured ones at their geometric mean', () => {
    const { averageKbps, chunkBytes, quality } = rungAt(title, 2000);
    expect(averageKbps).toBeCloseTo(2000, 9);
    expect(chunkBytes[0]).toBeCloseTo(1_000_000, 6);
    expect(quality.phone).toEqual([70, 70]);
  });

  it('is what was measured where it was measured', () => {
    expect(rungAt(title, 1000).quality.desktop).toEqual([50, 60]);
    expect(rungAt(title, 4000).quality.desktop).toEqual([90, 80]);
  });

  it('goes on at the last slope beyond the ends, and never beyond 0 or 100', () => {
    expect(rungAt(title, 500).quality.tv).toEqual([30, 50]);
    expect(rungAt(title, 500).averageKbps).toBeCloseTo(500, 9);
    expect(rungAt(title, 100).quality.tv[0]).toBe(0);
    expect(rungAt(title, 8000).quality.tv).toEqual([100, 90]);
    expect(rungAt(title, 8000).averageKbps).toBeCloseTo(8000, 9);
  });
});

describe('a title', () => {
  it('scales nominal bitrates by how much of the reference its own content needs', () => {
    const easy = createTitle('easy', 4000, [rung(500, [60, 60]), rung(2000, [95, 95])]);
    expect(easy.complexityScale).toBe(0.5);
    const { ladder, quality } = titleLadder(easy, [4000, 1000]);
    expect(ladder.renditions.map(({ averageKbps }) => averageKbps)).toEqual([500, 2000]);
    expect(quality.phone).toEqual([
      [60, 60],
      [95, 95],
    ]);
  });

  it('is read from a file without the fragment at its end', () => {
    const file = {
      title: 'games/0',
      chunkSeconds: 4,
      rungs: [
        { chunkBytes: [100, 120, 110, 9], vmaf: [1, 2, 3, 4], vmafPhone: [2, 3, 4, 5], vmaf4k: [0, 1, 2, 3] },
        { chunkBytes: [400, 440, 420, 90], vmaf: [9, 9, 9, 9], vmafPhone: [9, 9, 9, 9], vmaf4k: [9, 9, 9, 9] },
      ],
    };
    const read = parseTitle(JSON.stringify(file));
    expect(read.rungs.map(({ chunkBytes }) => chunkBytes)).toEqual([
      [100, 120, 110],
      [400, 440, 420],
    ]);
    expect(read.rungs[0]?.quality).toEqual({ phone: [2, 3, 4], desktop: [1, 2, 3], tv: [0, 1, 2] });
    expect(() => parseTitle('{"title":"x"}')).toThrow();
  });

  it('with one bitrate is refused', () => {
    expect(() => createTitle('flat', 4000, [rung(1000, [1]), rung(1010, [1])])).toThrow('2 different rungs');
  });

  it('that is generated looks better on smaller screens and at more bits', () => {
    const made = generateTitle('made', uniforms(3));
    for (const { quality } of made.rungs) {
      expect(quality.phone[0]).toBeGreaterThan(quality.desktop[0] ?? 100);
      expect(quality.desktop[0]).toBeGreaterThan(quality.tv[0] ?? 100);
    }
    const seen = made.rungs.map(({ quality }) => quality.desktop[0] ?? 0);
    expect(seen).toEqual(seen.toSorted((a, b) => a - b));
  });
});
