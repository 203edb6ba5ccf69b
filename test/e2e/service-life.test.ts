import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeClip } from '../fixtures/make-clip.ts';
import { startService, type TestService } from '../fixtures/service.ts';
import { waitFor } from '../fixtures/wait-for.ts';

let service: TestService;
beforeEach(async () => {
  service = await startService();
});
afterEach(() => service?.stop());

type Process = { pid: number; parent: number; command: string };

/** Every process that still runs; a zombie nobody reaped is dead, not left behind. */
async function processes(): Promise<Process[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const read = pids.map(async (pid) => {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null);
    const match = stat === null ? null : /^(\d+) \((.*)\) (\S) (\d+)/s.exec(stat);
    if (match === null || match[3] === 'Z') return [];
    return [{ pid: Number(match[1]), parent: Number(match[4]), command: match[2] ?? '' }];
  });
  return (await Promise.all(read)).flat();
}

/** A process and all below it. */
async function familyOf(pid: number): Promise<Process[]> {
  const all = await processes();
  const below = (parent: number): Process[] =>
    all.filter((process) => process.parent === parent).flatMap((child) => [child, ...below(child.pid)]);
  return [...all.filter((process) => process.pid === pid), ...below(pid)];
}

async function startEncoding(): Promise<string> {
  const clip = join(service.directory, 'clip.mp4');
  await makeClip(clip, { seconds: 20, width: 1280, height: 720 });
  const assetId = await service.upload(clip, { owner: 'ann' });
  await service.assetWhen(assetId, ({ availability }) => availability === 'playable');
  return assetId;
}

/** The whole family, once ffmpeg is among it. */
async function familyWithFfmpeg(supervisor: number): Promise<Process[]> {
  return waitFor('ffmpeg to run', async () => {
    const family = await familyOf(supervisor);
    return family.some(({ command }) => command === 'ffmpeg') ? family : null;
  });
}

async function noneLeft(family: readonly Process[]): Promise<void> {
  await waitFor(
    'every process to end',
    async () => {
      const left = new Map((await processes()).map((process) => [process.pid, process.command]));
      return family.every(({ pid, command }) => left.get(pid) !== command);
    },
    10_000,
  );
}

describe.runIf(process.platform === 'linux')('nara serve', () => {
  it('leaves nothing behind after SIGTERM in the middle of an encode', async () => {
    await startEncoding();
    const { supervisor } = await service.pids();
    const family = await familyWithFfmpeg(supervisor ?? 0);
    expect(family.length).toBeGreaterThan(4);
    process.kill(supervisor ?? 0, 'SIGTERM');
    await noneLeft(family);
  });

  it('leaves nothing behind after SIGKILL', async () => {
    await startEncoding();
    const { supervisor } = await service.pids();
    const family = await familyWithFfmpeg(supervisor ?? 0);
    process.kill(supervisor ?? 0, 'SIGKILL');
    await noneLeft(family);
  });

  it('goes on deciding, serving and accepting while ClickHouse and Redis hang, and says that it is not ready', async () => {
    const { redis, clickhouse } = await service.pids();
    const clip = join(service.directory, 'clip.mp4');
    await makeClip(clip, { seconds: 2, width: 320, height: 240 });
    const assetId = await service.upload(clip, { owner: 'ann' });
    await service.assetWhen(assetId, ({ availability }) => availability === 'complete');
    const hung = [redis ?? 0, clickhouse ?? 0];
    for (const pid of hung) process.kill(pid, 'SIGSTOP');
    try {
      // Far more than it takes, far less than a time-out of a minute.
      const ask = (path: string, init: RequestInit = {}) =>
        fetch(new URL(path, service.url), { redirect: 'manual', signal: AbortSignal.timeout(8_000), ...init });
      for (let n = 0; n < 5; n += 1) expect((await ask(`/v/${assetId}/master.m3u8?sid=h-${n}`)).status).toBe(307);
      const event = {
        type: 'startup',
        eventId: 'e',
        sessionId: 'h-1',
        assetId,
        ts: new Date().toISOString(),
        startupMs: 5,
      };
      const sent = await ask(`/v1/telemetry?key=${service.key}`, {
        method: 'POST',
        body: JSON.stringify({ events: [event] }),
      });
      expect(sent.status).toBe(202);
      expect((await ask('/readyz')).status).toBe(503);
    } finally {
      for (const pid of hung) process.kill(pid, 'SIGCONT');
    }
    await waitFor('everything to be shipped', async () => {
      const audit = await service.call<{ waiting: number; balanced: boolean }>('GET', '/v1/telemetry/audit');
      const qoe = await service.call<{ groups: { started: number }[] }>('GET', `/v1/qoe?assetId=${assetId}`);
      return audit.body.waiting === 0 && audit.body.balanced && qoe.body.groups?.[0]?.started === 1;
    });
  });

  it('takes an upload whose last byte arrives while Redis does not answer, and encodes it afterwards', async () => {
    const { redis } = await service.pids();
    const clip = join(service.directory, 'clip.mp4');
    await makeClip(clip, { seconds: 2, width: 320, height: 240 });
    process.kill(redis ?? 0, 'SIGSTOP');
    const assetId = await service.upload(clip, { owner: 'ann' }).finally(() => process.kill(redis ?? 0, 'SIGCONT'));
    await service.assetWhen(assetId, ({ availability }) => availability === 'complete');
  });
});
