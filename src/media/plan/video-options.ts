import { svtAv1Options } from './av1-settings.ts';
import { x264Options } from './encoder-settings.ts';
import type { PlannedRendition } from './plan-renditions.ts';

/** The encoder of a rendition's codec, as it is to be made; keyframes every `gopSeconds`, a whole number of its frames. */
export function videoOptions(rendition: PlannedRendition, gopSeconds: number): string[] {
  if (rendition.codec === 'av1') return svtAv1Options(rendition, Math.round(gopSeconds * rendition.fps));
  return x264Options(rendition, gopSeconds);
}
