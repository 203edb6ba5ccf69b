import { MIN_AUDIENCE_VIEWS } from './audience.ts';

type DecodingViews = { views: number; decoding: number };

/**
 * The share, 0..1, of an asset's next views whose players will say that they decode a codec: that of its views so far, drawn towards
 * everyone's as if `MIN_AUDIENCE_VIEWS` more of those had been seen. Nobody has said so: 0, and nothing is made for nobody.
 */
export function decodingShare(own: DecodingViews | undefined, everyone: DecodingViews): number {
  const { views, decoding } = own ?? { views: 0, decoding: 0 };
  const usual = everyone.views === 0 ? 0 : everyone.decoding / everyone.views;
  return (decoding + usual * MIN_AUDIENCE_VIEWS) / (views + MIN_AUDIENCE_VIEWS);
}
