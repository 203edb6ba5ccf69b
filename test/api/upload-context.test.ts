import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startUploads, type UploadService } from './fixtures/upload-service.ts';

let service: UploadService;
beforeAll(async () => {
  service = await startUploads(await mkdtemp(join(tmpdir(), 'nara-upload-context-')));
});
afterAll(async () => {
  service.stop();
  await rm(service.directory, { recursive: true });
});

// The service sees every sender on a phone in Norway.
it.each([
  [{}, { region: 'NO', device: 'phone', connection: 'unknown' }],
  [{ region: 'se' }, { region: 'SE', device: 'phone', connection: 'unknown' }],
  [
    { region: 'SE', device: 'tv', connection: 'wired' },
    { region: 'SE', device: 'tv', connection: 'wired' },
  ],
  [
    { region: 'Norway', device: 'fridge' },
    { region: 'NO', device: 'phone', connection: 'unknown' },
  ],
])('an upload with metadata %j is of context %j', async (metadata, context) => {
  await service.create(1, metadata as Record<string, string>);
  expect(service.created.at(-1)?.context).toEqual(context);
});
