import { describe, expect, test } from 'vitest';
import { sourceSchema } from '../../src/domain/asset.ts';
import { describeSource, type ProbeOutput, probeOutputSchema, rejectStreams } from '../../src/media/interpret-probe.ts';
import { rejectUnreadable } from '../../src/media/source-rejections.ts';

type Stream = Record<string, unknown>;

const video = (change: Stream = {}): Stream => ({
  index: 0,
  codec_type: 'video',
  codec_name: 'h264',
  width: 1920,
  height: 1080,
  pix_fmt: 'yuv420p',
  disposition: { default: 1, attached_pic: 0 },
  ...change,
});
const audio = (change: Stream = {}): Stream => ({
  index: 1,
  codec_type: 'audio',
  codec_name: 'aac',
  channels: 2,
  ...change,
});

/** As ffprobe prints it: numbers as text. */
function probed(streams: Stream[], fps = 30): ProbeOutput {
  const packets = Array.from({ length: 60 }, (_, index) => ({ stream_index: 0, pts_time: String(index / fps) }));
  return probeOutputSchema.parse({ streams, format: { format_name: 'matroska,webm', duration: '2.0' }, packets });
}

function described(streams: Stream[], fps = 30) {
  const details = describeSource(probed(streams, fps), 2000, 1_000_000);
  if ('code' in details) throw new Error(details.message);
  sourceSchema.parse(details.source);
  return details;
}

describe('a picture that is too much', () => {
  const refused = (stream: Stream) => describeSource(probed([video(stream)]), 2000, 1_000_000);

  test.each([
    ['a side that no encoder takes', { width: 65_534, height: 16 }],
    ['more pixels than 8K', { width: 8192, height: 8192 }],
    ['wide pixels that make it too wide', { width: 4096, height: 2160, sample_aspect_ratio: '4:1' }],
  ])('is refused with its size: %s', (_what, size) => {
    expect(refused(size)).toMatchObject({ code: 'too-large', message: expect.stringContaining('×') });
  });

  test('8K is not', () => {
    expect(refused({ width: 7680, height: 4320 })).toMatchObject({ source: { width: 7680, height: 4320 } });
  });
});

describe('a usable video', () => {
  test('is described upright, with its measured rate and bitrate', () => {
    expect(described([video(), audio()])).toEqual({
      source: {
        width: 1920,
        height: 1080,
        fps: 30,
        codec: 'h264',
        bitrateKbps: 4000,
        hdr: false,
        rotation: 0,
        hasAudio: true,
      },
      durationMs: 2000,
      container: 'matroska,webm',
      video: { streamIndex: 0, matrix: 'bt709', transfer: 'sdr', interlaced: false },
      audio: { streamIndex: 1, channels: 2 },
    });
  });

  test.each([
    [-90, 90, 1080, 1920],
    [90, 270, 1080, 1920],
    [180, 180, 1920, 1080],
    [-180, 180, 1920, 1080],
    [0, 0, 1920, 1080],
    [1.2, 0, 1920, 1080],
  ])('turned by %d counter-clockwise is %d clockwise and %d×%d', (rotation, expected, width, height) => {
    const { source } = described([video({ side_data_list: [{ other: 1 }, { rotation }] })]);
    expect(source).toMatchObject({ rotation: expected, width, height });
  });

  test('with non-square pixels is expanded; a tag that is garbage is ignored', () => {
    expect(described([video({ sample_aspect_ratio: '4:3' })]).source).toMatchObject({ width: 2560, height: 1080 });
    expect(described([video({ sample_aspect_ratio: '0:1' })]).source).toMatchObject({ width: 1920, height: 1080 });
    expect(described([video({ sample_aspect_ratio: '1000:1' })]).source).toMatchObject({ width: 1920, height: 1080 });
  });

  test('in PQ or HLG is HDR', () => {
    expect(described([video({ color_transfer: 'smpte2084' })])).toMatchObject({
      source: { hdr: true },
      video: { transfer: 'pq' },
    });
    expect(described([video({ color_transfer: 'arib-std-b67' })])).toMatchObject({
      source: { hdr: true },
      video: { transfer: 'hlg' },
    });
  });

  test.each([
    [{ color_space: 'bt2020nc' }, 'bt2020'],
    [{ color_space: 'smpte170m' }, 'smpte170m'],
    [{ color_space: 'bt470bg' }, 'smpte170m'],
    [{}, 'bt709'],
    [{ height: 480, width: 640 }, 'smpte170m'],
    [{ height: 480, width: 640, color_space: 'bt709' }, 'bt709'],
  ])('%j is read with the matrix %s', (change, matrix) => {
    expect(described([video(change)]).video.matrix).toBe(matrix);
  });

  test('interlaced is told from progressive', () => {
    expect(described([video({ field_order: 'tt' })]).video.interlaced).toBe(true);
    expect(described([video({ field_order: 'progressive' })]).video.interlaced).toBe(false);
  });

  test('with several audio tracks keeps the default one, else the first that can be read', () => {
    const other = audio({ index: 2, channels: 6, disposition: { default: 1 } });
    expect(described([video(), audio(), other]).audio).toEqual({ streamIndex: 2, channels: 6 });
    expect(described([video(), audio(), audio({ index: 2 })]).audio).toEqual({ streamIndex: 1, channels: 2 });
    const unknown = { index: 1, codec_type: 'audio', channels: 2 };
    expect(described([video(), unknown, audio({ index: 2 })]).audio).toEqual({ streamIndex: 2, channels: 2 });
    expect(described([video(), unknown]).source.hasAudio).toBe(false);
  });

  test('of one picture is shown at one frame a second', () => {
    const output = { ...probed([video()]), packets: [{ stream_index: 0, pts_time: 0 }] };
    expect(describeSource(output, 40, 1000)).toMatchObject({ source: { fps: 1 } });
  });
});

describe('what is no usable video', () => {
  test.each([
    ['only sound', [audio()], 'audio-only'],
    ['sound with cover art', [audio(), video({ disposition: { attached_pic: 1 } })], 'audio-only'],
    ['subtitles', [{ index: 0, codec_type: 'subtitle' }], 'no-video'],
    ['nothing', [], 'no-video'],
    ['frames of unknown size', [video({ width: 0 })], 'broken-bitstream'],
    ['frames nothing can decode', [video({ pix_fmt: undefined })], 'broken-bitstream'],
  ])('%s is refused as %s says', (_, streams, code) => {
    const error = rejectStreams(probed(streams));
    expect(error?.code).toBe(code);
    expect(error?.message).toMatch(/\.$/);
    expect(error?.action).toMatch(/\.$/);
  });

  test('a video stream without a single packet is damaged', () => {
    expect(describeSource({ ...probed([video()]), packets: [] }, 0, 10)).toMatchObject({ code: 'broken-bitstream' });
  });

  test('a missing index means a recording cut short, anything else that it is no video', () => {
    expect(rejectUnreadable('[mov] moov atom not found\nInvalid data').code).toBe('truncated');
    expect(rejectUnreadable('Invalid data found when processing input').code).toBe('not-media');
  });
});
