import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { h264, picture, plainFfmpeg, sound } from '../clips.ts';

/** A file that nobody should have to trust; `mayPublish` unless anything but a refusal would be a leak. */
export type HostileFile = { name: string; bytes: Buffer; mayPublish: boolean };

/** What a crafted upload would like to reach: a file of this machine, and a host. */
export type Canary = { file: string; url: string };

/** A stream of uniforms in [0, 1). */
export type Chance = () => number;

const AAC = ['-c:a', 'aac'];
const MPEG4 = ['-c:v', 'mpeg4'];
/** Containers and codecs that people really send, each some kilobytes. */
const KINDS: readonly [name: string, format: string, args: string[]][] = [
  ['mp4', 'mp4', [...h264, ...AAC]],
  ['faststart', 'mp4', [...h264, ...AAC, '-movflags', '+faststart']],
  ['fragmented', 'mp4', [...h264, ...AAC, '-movflags', '+frag_keyframe+empty_moov']],
  ['mov', 'mov', ['-c:v', 'mjpeg', '-pix_fmt', 'yuvj420p', '-c:a', 'pcm_s16le']],
  ['mkv', 'matroska', [...h264, ...AAC]],
  ['webm', 'webm', ['-c:v', 'libvpx', '-deadline', 'realtime', '-cpu-used', '8', '-c:a', 'libopus']],
  ['ts', 'mpegts', [...h264, ...AAC]],
  ['avi', 'avi', [...MPEG4, '-c:a', 'mp2']],
  ['flv', 'flv', ['-c:v', 'flv1', '-c:a', 'mp3', '-ar', '44100']],
];

/** One small valid clip of each kind. */
export async function makeSeeds(directory: string): Promise<{ name: string; bytes: Buffer }[]> {
  const seeds = [];
  for (const [name, format, args] of KINDS) {
    const path = join(directory, `seed-${name}`);
    await plainFfmpeg(...picture('96x64', 25, 1), ...sound(1), ...args, '-f', format, path);
    seeds.push({ name, bytes: await readFile(path) });
  }
  return seeds;
}

const EXTREMES = ['00000000', 'ffffffff', '7fffffff', '80000000', '00000001', 'ffffffffffffffff', '0000ffff'];
type Mutation = (bytes: Buffer, chance: Chance) => Buffer;
const below = (chance: Chance, limit: number): number => Math.floor(chance() * limit);

const overwrite = (bytes: Buffer, at: number, what: Buffer): Buffer => {
  const copy = Buffer.from(bytes);
  what.copy(copy, at);
  return copy;
};

const MUTATIONS: Readonly<Record<string, Mutation>> = {
  bytes(bytes, chance) {
    const copy = Buffer.from(bytes);
    const count = 1 + below(chance, 200);
    for (let index = 0; index < count; index += 1) copy[below(chance, copy.length)] = below(chance, 256);
    return copy;
  },
  header(bytes, chance) {
    const copy = Buffer.from(bytes);
    for (let index = 0; index < 12; index += 1) copy[below(chance, Math.min(copy.length, 1500))] = below(chance, 256);
    return copy;
  },
  extreme(bytes, chance) {
    const value = Buffer.from(EXTREMES[below(chance, EXTREMES.length)] ?? '', 'hex');
    return overwrite(bytes, below(chance, Math.min(bytes.length, 4000)), value);
  },
  truncate: (bytes, chance) => bytes.subarray(0, 1 + below(chance, bytes.length)),
  repeat(bytes, chance) {
    const from = below(chance, bytes.length);
    const part = bytes.subarray(from, from + 1 + below(chance, bytes.length - from));
    return Buffer.concat([bytes, ...new Array<Buffer>(1 + below(chance, 20)).fill(part)]);
  },
  remove(bytes, chance) {
    const from = below(chance, bytes.length);
    return Buffer.concat([bytes.subarray(0, from), bytes.subarray(from + 1 + below(chance, 2000))]);
  },
  zeros(bytes, chance) {
    return overwrite(bytes, below(chance, bytes.length), Buffer.alloc(1 + below(chance, 3000)));
  },
};

/** `count` mutations of the seeds, and every file made by hand. */
export function hostileFiles(
  seeds: readonly { name: string; bytes: Buffer }[],
  canary: Canary,
  count: number,
  chance: Chance,
): HostileFile[] {
  const made = handMade(canary, seeds);
  const kinds = Object.entries(MUTATIONS);
  const mutated = Array.from({ length: Math.max(0, count - made.length) }, (_, index): HostileFile => {
    const seed = seeds[index % seeds.length];
    const [name, mutate] = kinds[Math.floor(index / seeds.length) % kinds.length] ?? [];
    if (!seed || !name || !mutate) throw new RangeError('expected at least one seed');
    return { name: `${index}-${seed.name}-${name}`, bytes: mutate(seed.bytes, chance), mayPublish: true };
  });
  return [...made, ...mutated];
}

function handMade({ file, url }: Canary, seeds: readonly { name: string; bytes: Buffer }[]): HostileFile[] {
  const seed = (name: string): Buffer => seeds.find((each) => each.name === name)?.bytes ?? Buffer.alloc(0);
  const playlist = (uri: string): string =>
    `#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n${uri}\n#EXTINF:2,\n${uri}\n#EXT-X-ENDLIST\n`;
  const texts: Record<string, string> = {
    'playlist-file': playlist(file),
    'playlist-file-url': playlist(`file://${file}`),
    'playlist-http': playlist(`${url}/segment.ts`),
    'playlist-of-playlists': `#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n${url}/nested.m3u8\n`,
    'playlist-key': `#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-KEY:METHOD=AES-128,URI="${url}/key"\n#EXTINF:2,\n${file}\n#EXT-X-ENDLIST\n`,
    'playlist-concat': playlist(`concat:${file}|${file}`),
    'playlist-subfile': playlist(`subfile,,start,0,end,100,,:${file}`),
    'playlist-data': playlist(`data:text/plain;base64,${Buffer.from(file).toString('base64')}`),
    'concat-list': `ffconcat version 1.0\nfile '${file}'\n`,
    'concat-list-http': `ffconcat version 1.0\nfile '${url}/a.ts'\n`,
    'dash-manifest': `<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT2S"><Period><AdaptationSet mimeType="video/mp4"><Representation id="1" bandwidth="1"><BaseURL>${url}/a.mp4</BaseURL></Representation></AdaptationSet></Period></MPD>`,
    'session-description': `v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 9 RTP/AVP 96\na=rtpmap:96 H264/90000\n`,
    'smooth-streaming': `<SmoothStreamingMedia MajorVersion="2" Duration="20000000"><StreamIndex Type="video" Url="${url}/q"/></SmoothStreamingMedia>`,
    'vector-picture': `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"><image xlink:href="${url}/x.png"/></svg>`,
    subtitles: `1\n00:00:00,000 --> 00:00:02,000\n{\\fn${file}}\n`,
    metadata: `;FFMETADATA1\ntitle=x\n[CHAPTER]\nTIMEBASE=1/1\nSTART=0\nEND=9\n`,
    shell: `$(touch ${file}.touched)\n\`touch ${file}.touched\`\n`,
    nothing: '',
  };
  const written = Object.entries(texts).map(
    ([name, text]): HostileFile => ({ name, bytes: Buffer.from(text), mayPublish: false }),
  );
  // What a player would sniff as a transport stream, with a playlist inside.
  const disguised = Buffer.concat([seed('ts').subarray(0, 376), Buffer.from(playlist(file))]);
  return [
    ...written,
    { name: 'playlist-in-ts', bytes: disguised, mayPublish: false },
    { name: 'external-reference', bytes: referTo(seed('mov'), file), mayPublish: true },
    { name: 'gigantic-claim', bytes: withSampleEntrySize(seed('faststart'), 65_000, 65_000), mayPublish: true },
    { name: 'gigantic', bytes: withFrameSize(seed('webm'), 16_383), mayPublish: false },
    { name: 'endless', bytes: withSampleDurations(seed('faststart'), 0x00ff_ffff), mayPublish: true },
    { name: 'picture-bomb', bytes: pngOf(30_000, 30_000), mayPublish: false },
  ];
}

/** The data of a QuickTime file is somewhere else: `file`. */
function referTo(bytes: Buffer, file: string): Buffer {
  const at = bytes.indexOf('dref');
  const entry = at + 4 + 4 + 4;
  // The entry's flag that says "in this very file" goes, and a location comes in its place.
  const location = Buffer.from(`${file}\0`);
  const copy = overwrite(bytes, entry + 8, Buffer.from('00000000', 'hex'));
  return Buffer.concat([copy.subarray(0, entry + 12), location, copy.subarray(entry + 12 + location.length)]);
}

/** Width and height of the first `avc1` sample entry. */
function withSampleEntrySize(bytes: Buffer, width: number, height: number): Buffer {
  const size = Buffer.alloc(4);
  size.writeUInt16BE(width, 0);
  size.writeUInt16BE(height, 2);
  const at = bytes.indexOf('avc1', bytes.indexOf('stsd'));
  return overwrite(bytes, at + 4 + 24, size);
}

/** What the first VP8 key frame says it is, a side; the container knows nothing of it. */
function withFrameSize(bytes: Buffer, side: number): Buffer {
  const size = Buffer.alloc(4);
  size.writeUInt16LE(side, 0);
  size.writeUInt16LE(side, 2);
  return overwrite(bytes, bytes.indexOf(Buffer.from('9d012a', 'hex')) + 3, size);
}

/** Every frame of the first track is shown for this many ticks, and no edit list cuts that short. */
function withSampleDurations(bytes: Buffer, ticks: number): Buffer {
  const value = Buffer.alloc(4);
  value.writeUInt32BE(ticks, 0);
  const unedited = overwrite(bytes, bytes.indexOf('edts'), Buffer.from('free'));
  return overwrite(unedited, bytes.indexOf('stts') + 4 + 4 + 4 + 4, value);
}

function pngOf(width: number, height: number): Buffer {
  const header = Buffer.alloc(25);
  header.writeUInt32BE(13, 0);
  header.write('IHDR', 4);
  header.writeUInt32BE(width, 8);
  header.writeUInt32BE(height, 12);
  header.set([8, 2, 0, 0, 0], 16);
  return Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), header, Buffer.alloc(2000, 7)]);
}
