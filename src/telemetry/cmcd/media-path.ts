import { assetIdSchema, renditionIdSchema } from '../../domain/index.ts';

/** What one of our own paths under `/v/` names. */
export type MediaPath = {
  assetId: string;
  renditionId: string | null;
  /** The audio track that all rungs share: told by the name that the encoder gives it. */
  isAudio: boolean;
  segmentIndex: number | null;
  file: string;
};

const AUDIO_PREFIX = 'audio-';

const PATH = /^\/v\/([^/]{1,64})\/(?:p\/[^/]+\/|r\/([^/]{1,64})\/)?([^/]{1,64})$/;
const SEGMENT = /^seg-(\d{1,6})\.m4s$/;

/** Reads `/v/ASSET/…/FILE` out of a path or URL, ignoring its query; null when it is none of ours. */
export function readMediaPath(url: string): MediaPath | null {
  const [, assetId, renditionId, file] = PATH.exec(pathOf(url)) ?? [];
  if (assetId === undefined || file === undefined || !assetIdSchema.safeParse(assetId).success) return null;
  if (renditionId !== undefined && !renditionIdSchema.safeParse(renditionId).success) return null;
  const index = SEGMENT.exec(file)?.[1];
  return {
    assetId,
    renditionId: renditionId ?? null,
    isAudio: renditionId?.startsWith(AUDIO_PREFIX) ?? false,
    segmentIndex: index === undefined || renditionId === undefined ? null : Number(index),
    file,
  };
}

function pathOf(url: string): string {
  const path = url.replace(/^https?:\/\/[^/?#]*/i, '');
  return path.split(/[?#]/, 1)[0] ?? '';
}
