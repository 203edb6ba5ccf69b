import { pino } from 'pino';
import { expect, test } from 'vitest';
import type { Announcement } from '../../src/domain/announcement.ts';
import { progressOf, reportProgress } from '../../src/workers/report-progress.ts';
import type { TranscodePorts } from '../../src/workers/transcode-ports.ts';

function listening(fails = false): { ports: TranscodePorts; told: Announcement[] } {
  const told: Announcement[] = [];
  const announce = async (announcement: Announcement): Promise<void> => {
    if (fails) throw new Error('nobody there');
    told.push(announcement);
  };
  const log = pino({ level: 'silent' });
  // Of all ports, progress takes these two.
  return { ports: { announce, media: { log } } as unknown as TranscodePorts, told };
}

test('an encode says when it has come a twentieth further, once each, and never that it is done', () => {
  const { ports, told } = listening();
  const progress = progressOf(ports, 'a_1', 100_000);
  for (const seconds of [0.5, 4.9, 5, 5.1, 5.2, 31, 30, 99.9, 100, 104]) progress(seconds);
  expect(told.map((each) => (each.type === 'asset.progress' ? each.share : null))).toEqual([0.05, 0.3, 0.95]);
});

test('a share that nobody can be told of is no failure', async () => {
  await expect(reportProgress(listening(true).ports, 'a_1', 0.5)).resolves.toBeUndefined();
});
