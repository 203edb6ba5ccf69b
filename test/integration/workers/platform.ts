import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { vi } from 'vitest';
import type { Announcement } from '../../../src/domain/announcement.ts';
import type { AssetDocument, EncodePlan } from '../../../src/domain/asset.ts';
import { type AssetStore, createAssetStore } from '../../../src/media/asset-store.ts';
import { findParentDeathSignal } from '../../../src/supervisor/die-with-parent.ts';
import type { LearnRequest } from '../../../src/workers/job-payloads.ts';
import { startWorkers, type Workers } from '../../../src/workers/start-workers.ts';
import type { WorkerPorts, WorkersOptions } from '../../../src/workers/workers-options.ts';
import { hostedAsset } from '../../fixtures/assets.ts';
import { openWorkshop, silent, type Workshop } from '../media/clips.ts';

const rungs = [
  { height: 144, bitrateKbps: 100, fps: 30 },
  { height: 240, bitrateKbps: 300, fps: 30 },
  { height: 360, bitrateKbps: 700, fps: 30 },
];

export const plan: EncodePlan = {
  configVersion: 3,
  allocationVersion: 4,
  holdout: false,
  liftPanel: true,
  reason: 'test',
  audience: { level: 'cold', views: 0, shares: [{ region: 'ZZ', device: 'unknown', connection: 'unknown', share: 1 }] },
  rungs,
};

/** A redis-server on a socket in `root`, gone when these tests are. */
export async function startRedis(root: string): Promise<{ url: string; stop(): Promise<void> }> {
  const url = join(root, 'redis.sock');
  const args = ['--port', '0', '--unixsocket', url, '--dir', root, '--save', '', '--appendonly', 'no'];
  const tied = (await findParentDeathSignal())?.('redis-server', args) ?? { command: 'redis-server', args };
  const child = spawn(tied.command, tied.args, { stdio: 'ignore' });
  const probe = new Redis(url, { maxRetriesPerRequest: null, retryStrategy: () => 20 });
  probe.on('error', () => undefined);
  await probe.ping();
  probe.disconnect();
  return { url, stop: () => ended(child, 'SIGKILL') };
}

/** Kills a child and waits until it is gone. */
export function ended(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
    child.kill(signal);
  });
}

export type Platform = Workshop & {
  assets: AssetStore;
  announced: Announcement[];
  learned: LearnRequest[];
  jobs: string[];
  ports: WorkerPorts;
  start(redisUrl: string, options?: Partial<WorkersOptions>): Promise<Workers>;
};

/** Store, policy and feed of a small platform; workers are started by the test. */
export async function openPlatform(): Promise<Platform> {
  const workshop = await openWorkshop();
  await mkdir(workshop.workRoot, { recursive: true });
  const assets = createAssetStore(workshop.store);
  const announced: Announcement[] = [];
  const learned: LearnRequest[] = [];
  const jobs: string[] = [];
  const ports: WorkerPorts = {
    media: workshop,
    assets,
    planEncode: async () => plan,
    announce: async (announcement) => {
      announced.push(announcement);
    },
    clock: { nowMs: () => Date.now() },
    learn: async (request) => {
      learned.push(request);
      return {
        configVersion: 1,
        allocationVersion: learned.length,
        changed: true,
        views: { matured: 5, used: 4 },
        durationMs: 1,
      };
    },
  };
  const start: Platform['start'] = (redisUrl, options) =>
    startWorkers({
      redisUrl,
      ports,
      log: silent,
      onJob: ({ queue, outcome }) => jobs.push(`${queue} ${outcome}`),
      ...options,
    });
  return { ...workshop, assets, announced, learned, jobs, ports, start };
}

/** An asset whose last byte has arrived, as the API leaves it. */
export async function uploaded(platform: Platform, id: string, uploadKey: string): Promise<void> {
  await platform.assets.create(
    hostedAsset({
      id,
      uploadKey,
      state: 'processing',
      availability: 'none',
      revision: 0,
      durationMs: 0,
      source: null,
      plan: null,
      renditions: [],
      timings: { uploadedAt: new Date().toISOString(), playableAt: null, completeAt: null, upgradedAt: null },
    }),
  );
}

/** The document once it is as wanted. */
export function whenAsset(
  platform: Platform,
  id: string,
  wanted: (asset: AssetDocument) => boolean,
): Promise<AssetDocument> {
  return vi.waitFor(
    async () => {
      const asset = await platform.assets.read(id);
      if (!asset || !wanted(asset))
        throw new Error(`asset is ${asset?.state} ${asset?.availability} ${JSON.stringify(asset?.error)}`);
      return asset;
    },
    { timeout: 50_000, interval: 50 },
  );
}

/** Resolves once ffmpeg is at work on the remainder of an asset. */
export async function whenRemainderRuns(platform: Platform): Promise<void> {
  await vi.waitFor(
    async () => {
      const running = (await readdir(platform.workRoot)).find((name) => name.includes('.remainder.'));
      if (!running || !(await readdir(join(platform.workRoot, running))).length) throw new Error('not yet');
    },
    { timeout: 40_000, interval: 20 },
  );
}

/** Command lines of ffmpeg processes that read this platform's uploads. */
export async function ffmpegsOf(platform: Platform): Promise<string[]> {
  const found: string[] = [];
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const commandLine = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    if (commandLine.startsWith('ffmpeg') && commandLine.includes(platform.root)) found.push(commandLine);
  }
  return found;
}
