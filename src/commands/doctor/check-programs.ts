import type { Config } from '../../config.ts';
import { broken, type Check, doubtful, fine, outputOf } from './check.ts';

const SET_UP = 'run `npm run setup`';
/** The encoders every rendition, audio track and poster is made with. */
const NEEDED_ENCODERS = ['libx264', 'aac', 'libwebp'];
/** What AV1 is made with; without it there is none. */
const OPTIONAL_ENCODERS = ['libsvtav1'];
const MINIMUM_NODE = { major: 20, minor: 19 };

/** This Node against `engines` in package.json; `version` like `20.19.0`. */
export function checkNode(version: string): Check {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const isNewEnough = major > MINIMUM_NODE.major || (major === MINIMUM_NODE.major && minor >= MINIMUM_NODE.minor);
  return isNewEnough ? fine('Node', version) : broken('Node', version, 'install Node 20.19 or later');
}

/** ffmpeg with the encoders we use. */
export async function checkFfmpeg({ ffmpegPath }: Pick<Config, 'ffmpegPath'>): Promise<Check> {
  const version = await outputOf(ffmpegPath, ['-hide_banner', '-version']);
  if (version === null)
    return broken('ffmpeg', `${ffmpegPath} cannot be run`, `${SET_UP}, or set NARA_FFMPEG to its path`);
  const encoders = encodersIn((await outputOf(ffmpegPath, ['-hide_banner', '-encoders'])) ?? '');
  const missing = NEEDED_ENCODERS.filter((name) => !encoders.has(name));
  const found = `${versionIn(version)} with ${[...NEEDED_ENCODERS, ...OPTIONAL_ENCODERS].filter((name) => encoders.has(name)).join(', ')}`;
  if (missing.length === 0) return fine('ffmpeg', found);
  const mend = 'install a full build (on Fedora: from RPM Fusion) and set NARA_FFMPEG to it';
  return broken('ffmpeg', `${found}, without ${missing.join(', ')}`, mend);
}

/** ffprobe, which says what an upload is. */
export async function checkFfprobe({ ffprobePath }: Pick<Config, 'ffprobePath'>): Promise<Check> {
  const version = await outputOf(ffprobePath, ['-hide_banner', '-version']);
  if (version !== null) return fine('ffprobe', versionIn(version));
  return broken('ffprobe', `${ffprobePath} cannot be run`, `${SET_UP}, or set NARA_FFPROBE to its path`);
}

/** What keeps encoding from disturbing or outliving the service; Linux only. */
export async function checkNicety(platform: NodeJS.Platform): Promise<Check[]> {
  if (platform !== 'linux') return [];
  const mend = 'install the package util-linux';
  const setpriv = await outputOf('setpriv', ['--pdeathsig', 'TERM', 'true']);
  const ionice = await outputOf('ionice', ['-c', '3', 'true']);
  return [
    setpriv !== null
      ? fine('setpriv', 'children end with their parent')
      : doubtful('setpriv', 'no --pdeathsig, a watchdog stands in', mend),
    ionice !== null
      ? fine('ionice', 'encoding yields the disk')
      : doubtful('ionice', 'encoding competes for the disk', mend),
  ];
}

/** The names in `ffmpeg -encoders`: ` V....D libx264   libx264 H.264 …`. */
export function encodersIn(listing: string): Set<string> {
  return new Set(
    [...listing.matchAll(/^ [VAS][.A-Z]{5} (\S+)/gm)].flatMap(([, name]) => (name === undefined ? [] : [name])),
  );
}

function versionIn(text: string): string {
  return /version (\S+)/.exec(text)?.[1] ?? 'of unknown version';
}
