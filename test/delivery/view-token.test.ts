import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { codecDrawOf, deriveViewKeys, drawOf, rolloutDrawOf, viewIdOf } from '../../src/delivery/view-identity.ts';
import { signViewToken, verifyViewToken } from '../../src/delivery/view-token.ts';
import { type ViewToken, viewIdSchema } from '../../src/domain/index.ts';

const keys = deriveViewKeys('a secret of the tests');
const NOW_MS = 1_700_000_000_000;

const token: ViewToken = {
  viewId: `v_${'x'.repeat(22)}`,
  assetId: 'a_0123456789012345678901',
  revision: 2,
  renditionIds: ['240p-150k-aaaaaaaa', '720p-2457k-bbbbbbbb'],
  arm: 'baseline',
  configVersion: 1,
  allocationVersion: 7,
  decidedAtMs: NOW_MS - 1000,
  expiresAt: NOW_MS + 1000,
};

describe('view token', () => {
  it('comes back as it was signed, and is safe in a URL', () => {
    const text = signViewToken(keys, token);
    expect(text).toMatch(/^[A-Za-z0-9._-]+$/);
    expect(verifyViewToken(keys, text, NOW_MS)).toEqual({ kind: 'valid', token });
  });

  it('survives anything but the loss of the secret', () => {
    const text = signViewToken(deriveViewKeys('a secret of the tests'), token);
    expect(verifyViewToken(keys, text, NOW_MS).kind).toBe('valid');
    expect(verifyViewToken(deriveViewKeys('another secret'), text, NOW_MS)).toEqual({
      kind: 'invalid',
      reason: 'forged',
    });
  });

  it('is forged when any character is changed', () => {
    const text = signViewToken(keys, token);
    fc.assert(
      fc.property(fc.nat(text.length - 1), fc.constantFrom(...'ABCDEFabcdef0123456789'), (index, character) => {
        const changed = `${text.slice(0, index)}${character}${text.slice(index + 1)}`;
        const check = verifyViewToken(keys, changed, NOW_MS);
        // The last character of an unpadded base64url text may hold bits that decode to nothing.
        const same = Buffer.from(changed.split('.')[1] ?? '', 'base64url').equals(
          Buffer.from(text.split('.')[1] ?? '', 'base64url'),
        );
        return changed.split('.')[0] === text.split('.')[0] && same ? check.kind === 'valid' : check.kind === 'invalid';
      }),
    );
  });

  it('is refused as a manifest link once expired, and still believed as the origin of a report', () => {
    const text = signViewToken(keys, token);
    const later = NOW_MS + 5000;
    expect(verifyViewToken(keys, text, later)).toEqual({ kind: 'invalid', reason: 'expired' });
    expect(verifyViewToken(keys, text, later, { ignoreExpiry: true }).kind).toBe('valid');
  });
});

describe('view identity', () => {
  it('gives every (session, asset, generation) its own well-formed id, the same every time', () => {
    const ids = new Set<string>();
    for (const session of ['s1', 's2']) {
      for (const asset of ['a1', 'a2']) {
        for (const generation of [0, 1]) {
          const id = viewIdOf(keys, session, asset, generation);
          expect(viewIdSchema.safeParse(id).success).toBe(true);
          expect(viewIdOf(keys, session, asset, generation)).toBe(id);
          ids.add(id);
        }
      }
    }
    expect(ids.size).toBe(8);
  });

  it('never changes from version to version: views that were decided before are found, and drawn again as they were', () => {
    expect(viewIdOf(keys, 's1', 'a_1', 0)).toBe('v_QEpxHW03upNW5PBJUFaWdU');
    expect(viewIdOf(keys, 's1', 'a_1', 1)).toBe('v_-3xxkk8KbYbH7p38S7V732');
    expect([drawOf, rolloutDrawOf, codecDrawOf].map((draw) => draw(keys, 's1', 'a_1', 0))).toEqual([
      0.8172224396979182, 0.6866828744494633, 0.5590311746555656,
    ]);
  });

  it('draws uniformly over sessions', () => {
    const draws = Array.from({ length: 20_000 }, (_, n) => drawOf(keys, `s${n}`, 'a', 0));
    const mean = draws.reduce((sum, draw) => sum + draw, 0) / draws.length;
    expect(mean).toBeGreaterThan(0.49);
    expect(mean).toBeLessThan(0.51);
    for (let decile = 0; decile < 10; decile += 1) {
      const inside = draws.filter((draw) => Math.floor(draw * 10) === decile).length;
      expect(inside).toBeGreaterThan(1800);
      expect(inside).toBeLessThan(2200);
    }
  });

  it('draws a codec whatever arm was drawn', () => {
    const sessions = Array.from({ length: 20_000 }, (_, n) => `s${n}`);
    for (const [from, to] of [
      [0, 0.1],
      [0.9, 1],
    ] as const) {
      const some = sessions.filter((session) => {
        const draw = drawOf(keys, session, 'a', 0);
        return draw >= from && draw < to;
      });
      const low = some.filter((session) => codecDrawOf(keys, session, 'a', 0) < 0.5).length / some.length;
      expect(low).toBeGreaterThan(0.45);
      expect(low).toBeLessThan(0.55);
    }
  });

  it('has a config drawn apart from its arm: whichever arm is drawn, the trial gets its share', () => {
    const sessions = Array.from({ length: 4000 }, (_, index) => `s-${index}`);
    for (const [from, to] of [
      [0, 0.5],
      [0.5, 1],
    ] as const) {
      const some = sessions.filter((session) => {
        const draw = drawOf(keys, session, 'a', 0);
        return draw >= from && draw < to;
      });
      const onTrial = some.filter((session) => rolloutDrawOf(keys, session, 'a', 0) < 0.25).length / some.length;
      expect(onTrial).toBeGreaterThan(0.2);
      expect(onTrial).toBeLessThan(0.3);
    }
  });
});
