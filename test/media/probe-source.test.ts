import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FfmpegError } from '../../src/media/ffmpeg-error.ts';
import { probeSource } from '../../src/media/probe-source.ts';

let directory: string;
let path: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'nara-probe-'));
  path = join(directory, 'upload');
  await writeFile(path, Buffer.alloc(100_000));
});
afterEach(() => rm(directory, { recursive: true }));

const { signal } = new AbortController();
const STREAM = { index: 0, codec_type: 'video', codec_name: 'vp9', width: 640, height: 360, pix_fmt: 'yuv420p' };

/** ffprobe of a file whose video packets are at these times; `tail` is what reading near the end gives. */
function ffprobe(file: {
  duration?: number;
  packets: number[];
  headPackets?: number;
  tail?: number[];
  startsWith?: number;
}) {
  const asked: string[] = [];
  const packet = (time: number) => ({ stream_index: 0, pts_time: String(time), duration_time: '0.04' });
  return {
    asked,
    probe: async (_path: string, args: readonly string[]) => {
      const interval = args[args.indexOf('-read_intervals') + 1] ?? '';
      const kind = !args.includes('-read_intervals') ? 'whole' : interval.startsWith('%') ? 'head' : 'tail';
      asked.push(kind);
      const times = {
        head: file.packets.slice(0, file.headPackets ?? 100),
        tail: file.tail ?? [],
        whole: file.packets,
      }[kind];
      const format = file.duration === undefined ? {} : { duration: String(file.duration) };
      return { json: { streams: [STREAM], format, packets: times.map(packet) }, stderr: '' };
    },
  };
}

const every40ms = (count: number, from = 0): number[] =>
  Array.from({ length: count }, (_, index) => from + index * 0.04);

test('a long file is looked at only at both ends', async () => {
  const fake = ffprobe({ duration: 400, packets: every40ms(10_000), tail: every40ms(1000, 360) });
  expect(await probeSource(fake, path, signal)).toMatchObject({
    kind: 'video',
    durationMs: 400_000,
    source: { fps: 25, bitrateKbps: 2 },
  });
  expect(fake.asked).toEqual(['head', 'tail']);
});

test('a short one is looked at once', async () => {
  const fake = ffprobe({ duration: 4, packets: every40ms(100) });
  expect(await probeSource(fake, path, signal)).toMatchObject({ kind: 'video', durationMs: 4000 });
  expect(fake.asked).toEqual(['head']);
});

test('one that declares no duration is read through', async () => {
  const fake = ffprobe({ packets: every40ms(500), headPackets: 100 });
  expect(await probeSource(fake, path, signal)).toMatchObject({ kind: 'video', durationMs: 20_000 });
});

test('a clock that starts anywhere does not make the file longer', async () => {
  const fake = ffprobe({ packets: every40ms(500, 90_000), headPackets: 100 });
  expect(await probeSource(fake, path, signal)).toMatchObject({ kind: 'video', durationMs: 20_000 });
});

test('one that ends long before what it declares is refused, with both lengths', async () => {
  const fake = ffprobe({ duration: 60, packets: every40ms(250), tail: [] });
  const result = await probeSource(fake, path, signal);
  expect(result).toMatchObject({ kind: 'rejected', error: { code: 'truncated' } });
  expect(result.kind === 'rejected' && result.error.message).toContain('10.0 s of 60.0 s');
});

test('one that cannot seek but is all there is taken', async () => {
  const fake = ffprobe({ duration: 60, packets: every40ms(1500), tail: [] });
  expect(await probeSource(fake, path, signal)).toMatchObject({ kind: 'video', durationMs: 60_000 });
  expect(fake.asked).toEqual(['head', 'tail', 'whole']);
});

test('one that goes on for longer than it declares has the length that it has', async () => {
  const fake = ffprobe({ duration: 10, packets: every40ms(9000), headPackets: 400, tail: every40ms(8800, 8) });
  expect(await probeSource(fake, path, signal)).toMatchObject({ kind: 'video', durationMs: 360_000 });
});

test('one that is longer than is taken is refused', async () => {
  const fake = ffprobe({ packets: every40ms(500), headPackets: 100, duration: 13 * 3600 });
  expect(await probeSource(fake, path, signal)).toMatchObject({ kind: 'rejected', error: { code: 'too-long' } });
});

test('a few bytes that claim hours are refused', async () => {
  const fake = ffprobe({ packets: [0, 0.04, 0.08, 39_000], headPackets: 3 });
  const result = await probeSource(fake, path, signal);
  expect(result).toMatchObject({ kind: 'rejected', error: { code: 'too-sparse' } });
  expect(result.kind === 'rejected' && result.error.message).toContain('10.8 h');
});

test('what ffprobe cannot read is refused; what stops ffprobe itself is an error', async () => {
  const failing = (code: 'exit' | 'killed') => ({
    probe: async () => {
      throw new FfmpegError(code, 'probe', 'Invalid data found when processing input');
    },
  });
  expect(await probeSource(failing('exit'), path, signal)).toMatchObject({
    kind: 'rejected',
    error: { code: 'not-media' },
  });
  await expect(probeSource(failing('killed'), path, signal)).rejects.toMatchObject({ code: 'killed' });
});
