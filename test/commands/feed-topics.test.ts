import { expect, test } from 'vitest';
import { feedTopicsOf } from '../../src/commands/feed-topics.ts';
import { hostedAsset } from '../fixtures/assets.ts';

const topics = ['assets', 'asset:a_1'];

test('how far an asset is is told on its topics, without the asset', () => {
  const told = feedTopicsOf({ type: 'asset.progress', assetId: 'a_1', share: 0.25 }, hostedAsset({ id: 'a_1' }));
  expect(told).toEqual(topics.map((topic) => ({ topic, type: 'asset.progress', data: { id: 'a_1', share: 0.25 } })));
});

test('a changed asset is told as it is shown, never with its upload’s key; one that is gone not at all', () => {
  const told = feedTopicsOf(
    { type: 'asset.changed', assetId: 'a_1' },
    hostedAsset({ id: 'a_1', uploadKey: 'uploads/u' }),
  );
  expect(told.map(({ topic }) => topic)).toEqual(topics);
  expect(JSON.stringify(told)).not.toContain('uploads/u');
  expect(feedTopicsOf({ type: 'asset.changed', assetId: 'a_1' }, null)).toEqual([]);
});

test('policy is told on its own topic', () => {
  const announcement = { type: 'policy.config', configVersion: 7 } as const;
  expect(feedTopicsOf(announcement, null)).toEqual([
    { topic: 'policy', type: 'policy.config', data: { configVersion: 7 } },
  ]);
});
