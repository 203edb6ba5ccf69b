import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { encodeFastLane } from '../../../../src/media/encode-fast-lane.ts';
import { planRendition } from '../../../../src/media/plan/plan-renditions.ts';
import { probeSource } from '../../../../src/media/probe-source.ts';
import { classifyFailure } from '../../../../src/workers/classify-failure.ts';
import { ffmpeg, h264, picture, plainFfmpeg, sound, type Workshop } from '../clips.ts';
import { type Canary, type Chance, hostileFiles, makeSeeds } from './corpus.ts';

/** What became of a file: it plays, or the code of the reason why not. */
export type Outcome = { name: string; outcome: 'published' | { refused: string } };

/** One stranger's file, as a worker takes it in. Throws what is nobody's fault but ours. */
async function takeIn(workshop: Workshop, name: string, bytes: Buffer): Promise<Outcome> {
  const uploadKey = `uploads/${name}`;
  await workshop.store.write(uploadKey, bytes);
  const path = workshop.store.localPath(uploadKey) ?? '';
  const { signal } = new AbortController();
  try {
    const probed = await probeSource(ffmpeg, path, signal);
    if (probed.kind === 'rejected') return { name, outcome: { refused: probed.error.code } };
    const { kind: _, ...details } = probed;
    const source = { assetId: `a_${name}`, uploadKey, input: { path, details, capabilities: await ffmpeg.warmUp() } };
    const planned = planRendition({ uploadKey, details }, { height: 64, bitrateKbps: 60, fps: 30 }, 1);
    await encodeFastLane(workshop, source, planned, { signal, onPlayable: async () => {} });
    return { name, outcome: 'published' };
  } catch (error) {
    const verdict = classifyFailure(error);
    if (verdict.kind !== 'permanent') throw new Error(`${name}: not the file's fault?`, { cause: error });
    return { name, outcome: { refused: verdict.error.code } };
  } finally {
    await workshop.store.remove(uploadKey);
  }
}

/** A file and a host that no upload may reach. */
export async function startCanary(directory: string): Promise<Canary & { asked(): number; stop(): void }> {
  const file = join(directory, 'canary.ts');
  await plainFfmpeg(...picture('96x64', 25, 4), ...sound(4), ...h264, '-c:a', 'aac', '-f', 'mpegts', file);
  let asked = 0;
  const server = createServer((_request, response) => response.end());
  server.on('connection', () => {
    asked += 1;
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    file,
    url: `http://127.0.0.1:${port}`,
    asked: () => asked,
    stop: () => void server.close(),
  };
}

/** Takes in `count` hostile files, two at a time, and then an ordinary one. */
export async function takeInHostile(workshop: Workshop, canary: Canary, count: number, chance: Chance) {
  const seeds = await makeSeeds(workshop.root);
  const files = hostileFiles(seeds, canary, count, chance);
  const outcomes: Outcome[] = [];
  const leaks: string[] = [];
  const next = files.values();
  const lane = async (): Promise<void> => {
    for (const { name, bytes, mayPublish } of next) {
      const taken = await takeIn(workshop, name, bytes);
      outcomes.push(taken);
      if (taken.outcome === 'published' && !mayPublish) leaks.push(name);
    }
  };
  await Promise.all([lane(), lane()]);
  const [ordinary] = seeds;
  const after = await takeIn(workshop, 'ordinary', ordinary?.bytes ?? Buffer.alloc(0));
  const leftBehind = await readdir(workshop.workRoot).catch(() => []);
  return { outcomes, leaks, after: after.outcome, leftBehind };
}
