import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LineOrder } from './line/line.ts';
import { type PlayProcess, startProcess } from './play-process.ts';
import type { Sample } from './samples.ts';
import { CROWD, type Ports, type Stage, type UploadTimes } from './stage.ts';
import type { Crowd } from './users/user.ts';

const LINE = new URL('line/line.ts', import.meta.url);
const USERS = new URL('users/users.ts', import.meta.url);
export const LINE_KBPS = 20_000;
/** Everybody logs in and opens the page. */
const WARM_UP_MS = 3_000;
const AFTER_MS = 2_000;

/** What one variant showed: everything people asked for, and how the uploads went. */
export type Played = {
  samples: Sample[];
  uploads: (UploadTimes & { playable: boolean })[];
  idleFromMs: number;
  uploadsFromMs: number;
  endedAtMs: number;
};

/** Twenty people on an idle machine, then all uploads at once, until every one is complete. */
export async function runVariant(
  stageIn: (directory: string) => Promise<Stage>,
  clips: readonly string[],
  options: { idleMs: number },
): Promise<Played> {
  const directory = await mkdtemp(join(tmpdir(), 'nara-first-beta-'));
  const toStop: { stop(): Promise<void> }[] = [];
  try {
    const stage = await stageIn(directory);
    toStop.unshift(stage);
    const order = { kbps: LINE_KBPS, services: stage.services };
    const line = await startProcess<LineOrder, { ports: Ports }>(LINE, order, { first: true });
    toStop.unshift(line);
    const { ports } = line.reply;
    const crowd = { ...CROWD, ...stage.crowd(ports) };
    const users = await startProcess<Crowd, object>(USERS, crowd, { first: true });
    toStop.unshift(users);
    return await play(stage, users, clips, { ...options, ports });
  } finally {
    for (const part of toStop) await part.stop();
    await rm(directory, { recursive: true, force: true });
  }
}

async function play(
  stage: Stage,
  users: PlayProcess<unknown>,
  clips: readonly string[],
  { idleMs, ports }: { idleMs: number; ports: Ports },
): Promise<Played> {
  await sleep(WARM_UP_MS);
  const idleFromMs = Date.now();
  await sleep(idleMs);
  const uploadsFromMs = Date.now();
  const uploads = await Promise.all(clips.map((clip, n) => stage.upload(clip, `owner-${n + 1}`, ports)));
  await sleep(AFTER_MS);
  const endedAtMs = Date.now();
  const { samples } = await users.ask<{ samples: Sample[] }>('stop');
  return { samples, uploads, idleFromMs, uploadsFromMs, endedAtMs };
}
