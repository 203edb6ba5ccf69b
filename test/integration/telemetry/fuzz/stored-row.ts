import { z } from 'zod';
import { CONNECTIONS, DEVICES, EVENT_SOURCES, PLAYER_STATES } from '../../../../src/domain/index.ts';
import { REFUSAL_CODES } from '../../../../src/telemetry/refusal.ts';

/*
 * What a line in the spool may be, whatever came in: written down here once more, from the tables' columns and the contract,
 * and independently of the code that writes such lines.
 */

const WEEK_MS = 604_800_000;
const ms = z.int().min(0).max(WEEK_MS);
const count = z.int().min(0).max(1_000_000_000);
const kbps = z.number().min(0).max(10_000_000);
const id = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/);
const text = (maxLength: number) =>
  z
    .string()
    .max(maxLength)
    .refine((value) => value.isWellFormed());
const time = z.string().regex(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}$/);
const isNearNow = (value: string): boolean =>
  Math.abs(Date.parse(`${value.replace(' ', 'T')}Z`) - Date.now()) < 2 * 86_400_000;
const nearNow = time.refine(isNearNow);
const segment = z.string().regex(/^[0-9a-f]{16}-\d+$/);
const source = z.enum(EVENT_SOURCES);
const block = z.string().regex(/^([0-9a-f]{16})?$/);

export const storedEventSchema = z
  .strictObject({
    segment,
    repeats: z.int().min(1).optional(),
    view_id: z.string().regex(/^(v_[A-Za-z0-9_-]{22})?$/),
    event_id: text(64).min(1),
    type: z.enum([
      'view_start',
      'startup',
      'stall',
      'rung_switch',
      'error',
      'progress',
      'view_end',
      'upload_progress',
      'upload_end',
    ]),
    session_id: z.string().regex(/^[A-Za-z0-9._-]{1,64}$/),
    asset_id: id,
    ts: time,
    received_at: nearNow,
    region: z.string().regex(/^[A-Z]{2}(-[A-Z0-9]{1,12})?$/),
    device: z.enum(DEVICES),
    connection: z.enum(CONNECTIONS),
    source,
    block: block.optional(),
    // The table takes for granted that nobody is, and that nothing is known of an address.
    trusted: z.literal(true).optional(),
    sequence: z.int().min(0).max(0xffff_ffff).optional(),
    startup_ms: ms.optional(),
    duration_ms: ms.optional(),
    cause: z.enum(['buffer', 'seek']).optional(),
    from_rendition: id.optional(),
    to_rendition: id.optional(),
    code: text(64).optional(),
    message: text(512).optional(),
    fatal: z.boolean().optional(),
    played_ms: ms.optional(),
    stalled_ms: ms.optional(),
    seek_stalled_ms: ms.optional(),
    stall_count: count.optional(),
    paused_ms: ms.optional(),
    bytes: z.int().min(0).optional(),
    rung_ms: z
      .record(id, ms)
      .refine((map) => Object.keys(map).length <= 64)
      .optional(),
    switches_up: count.optional(),
    switches_down: count.optional(),
    dropped_frames: count.optional(),
    viewport_height: z.int().min(0).max(20_000).optional(),
    elapsed_ms: ms.optional(),
    resumes: count.optional(),
    abandoned: z.boolean().optional(),
    state: z.enum(PLAYER_STATES).optional(),
    playhead_ms: ms.optional(),
    buffer_ms: ms.optional(),
    sample_kbps: kbps.optional(),
    sample_rendition: id.optional(),
    segment_ms: ms.optional(),
    segment_index: z.int().min(0).max(10_000_000).optional(),
    last_segment: z.boolean().optional(),
    starved: z.boolean().optional(),
    throughput_kbps: kbps.optional(),
    playback_rate: z.number().min(0).max(100).optional(),
  })
  // Clients' clocks are put right where they are off by more than a day; servers may report in virtual time.
  .refine(({ trusted = false, ts }) => trusted || isNearNow(ts), { path: ['ts'] });

export const storedLetterSchema = z.strictObject({
  segment,
  received_at: nearNow,
  source,
  block,
  code: z.enum(REFUSAL_CODES),
  reason: text(4_000).min(1),
  session_id: text(128),
  asset_id: text(128),
  body: text(2_048),
  events: z.int().min(1),
});
