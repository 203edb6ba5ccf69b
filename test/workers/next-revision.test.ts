import { expect, test } from 'vitest';
import { everyRendition } from '../../src/media/every-rendition.ts';
import { nextRevision } from '../../src/workers/next-revision.ts';
import { hostedAsset, rendition } from '../fixtures/assets.ts';

const of = (id: string, bitrateKbps: number) => rendition({ id, bitrateKbps });
const [low, high, better] = [of('low', 300), of('high', 900), of('better', 880)];
const now = '2026-01-02T00:00:00.000Z';

test('what the next revision does not offer is retired with the revision that offered it last', () => {
  const asset = nextRevision(hostedAsset({ renditions: [low, high], revision: 2 }), [better, low], now);
  expect(asset).toMatchObject({ revision: 3, renditions: [low, better] });
  expect(asset.retired).toEqual([{ rendition: high, revision: 2, retiredAt: now }]);
  expect(
    everyRendition(asset)
      .map(({ id }) => id)
      .sort(),
  ).toEqual(['better', 'high', 'low']);
});

test('a rendition that is offered again is not retired any more', () => {
  const replaced = nextRevision(hostedAsset({ renditions: [low, high] }), [low, better], now);
  const back = nextRevision(replaced, [low, high], now);
  expect(back.retired?.map(({ rendition: { id } }) => id)).toEqual(['better']);
  expect(everyRendition(back)).toHaveLength(3);
});

test('a revision that only adds retires nothing', () => {
  expect(nextRevision(hostedAsset({ renditions: [low] }), [low, high], now)).not.toHaveProperty('retired');
});
