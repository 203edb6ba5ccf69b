import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createDemoClient } from '../../../src/commands/demo/demo-client.ts';
import { findProblems } from '../../../src/commands/demo/report.ts';
import { tellStory } from '../../../src/commands/demo/tell-story.ts';
import { FakeService, type Faults } from './fake-service.ts';

const SCALE = { rounds: 2, lastRounds: 1, viewsPerContext: 6, shipTimeoutMs: 500 };
const VIEWS = SCALE.rounds * SCALE.viewsPerContext * 4;
let directory: string;
let service: FakeService;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'nara-story-'));
});
afterEach(async () => {
  await service.stop();
  await rm(directory, { recursive: true });
});

async function tell(faults: Faults = {}) {
  service = new FakeService(faults);
  const url = await service.start();
  const path = join(directory, 'clip.mp4');
  await writeFile(path, 'not really a video');
  const lines: string[] = [];
  const { signal } = new AbortController();
  const clip = { path, title: 'a clip' };
  const findings = await tellStory({
    api: createDemoClient(url, 'secret', signal),
    scale: SCALE,
    clips: { slow: clip, fast: clip },
    log: (line) => lines.push(line),
    signal,
  });
  return { findings, lines, problems: findProblems(findings, 'IN') };
}

describe('the demo against a service that does what it says', () => {
  it('plays every view over HTTP, reports all of it and finds nothing wrong', async () => {
    const { findings, problems, lines } = await tell();
    expect(problems).toEqual([]);
    expect(service.countAsked(/GET \/v\/a_\d\/master\.m3u8/)).toBe(VIEWS);
    expect(service.countAsked(/GET \/v\/a_\d\/p\/TOKEN/)).toBe(VIEWS);
    const { telemetry } = findings;
    expect(telemetry).toMatchObject({ views: VIEWS, viewsStored: VIEWS, sent: service.events.length });
    expect(telemetry.accepted).toBe(telemetry.sent);
    expect(telemetry.stored).toBe(telemetry.sent);
    expect(new Set(service.events.map((event) => `${event.sessionId} ${event.eventId}`)).size).toBe(telemetry.sent);
    expect(lines.filter((line) => line.includes('round '))).toHaveLength(SCALE.rounds);
  });

  it('asks for each media playlist and each segment size once per asset, not once per view', async () => {
    await tell();
    const playlists = service.asked.filter((line) => line.endsWith('/index.m3u8'));
    expect(new Set(playlists).size).toBe(playlists.length);
    expect(service.countAsked(/^HEAD /)).toBe(playlists.length * 12);
  });

  it('reports rungs and reasons of both uploads of both regions, and what each context was offered', async () => {
    const { findings } = await tell();
    expect(findings.assets.map(({ region, upload, rungs }) => [region, upload, rungs.length])).toEqual([
      ['IN', 1, 3],
      ['SE', 1, 3],
      ['IN', 2, 2],
      ['SE', 2, 2],
    ]);
    expect(findings.assets[0]).toMatchObject({ playableMs: 1000, completeMs: 5000, reason: 'made for IN' });
    expect(findings.contexts).toHaveLength(4);
    expect(findings.contexts[0]).toMatchObject({
      region: 'IN',
      device: 'phone',
      before: {
        fallbackLevel: 'cold',
        arms: [
          { arm: 'baseline', share: 0.9 },
          { arm: 'low', share: 0.1 },
        ],
      },
      after: {
        fallbackLevel: 'cell',
        arms: [
          { arm: 'low', share: 0.8 },
          { arm: 'baseline', share: 0.2 },
        ],
      },
      stallRatio: { baseline: 3, learned: 3 },
    });
  });
});

describe('the demo against a service that does not', () => {
  it('says that events were lost', async () => {
    const { problems, findings } = await tell({ loseEvents: 7, sameRungsAgain: false });
    expect(findings.telemetry.stored).toBe(findings.telemetry.accepted - 7);
    expect(problems).toEqual([expect.stringMatching(/events were accepted but \d+ are stored/)]);
  });

  it('says that the second upload got the same rungs', async () => {
    expect((await tell({ sameRungsAgain: true })).problems).toEqual([
      'the second upload from IN has the same rungs as the first',
    ]);
  });

  it('says that events were rejected, with a reason', async () => {
    const { problems, lines } = await tell({ rejectStalls: true });
    expect(problems).toEqual([expect.stringMatching(/events were sent but \d+ accepted/)]);
    expect(lines.join('\n')).toMatch(/rejected, e\.g\. stall: \[\{"path":"type"\}\]/);
  });

  it('stops when the redirect gives another view than the decision', async () => {
    await expect(tell({ otherViewAtRedirect: true })).rejects.toThrow(/was decided as .* and redirected as/);
  });

  it('stops when an upload is refused', async () => {
    await expect(tell({ failUpload: true })).rejects.toThrow(/the upload of clip\.mp4 failed/);
  });
});
