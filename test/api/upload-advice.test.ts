import express from 'express';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type UploadAdvicePorts, uploadAdviceRoutes } from '../../src/api/routes/upload-advice-routes.ts';
import { UNKNOWN_CONTEXT } from '../../src/domain/index.ts';
import { ASSUMED_UPLINKS, type MeasuredUplink } from '../../src/policy/upload-advice.ts';

let measured: MeasuredUplink | null = null;
let url: string;
let stop: () => void;
beforeAll(async () => {
  const checkKey: UploadAdvicePorts['checkKey'] = () => ({ keyId: 'k', scopes: ['upload'], origins: [] });
  const app = express().use(
    uploadAdviceRoutes({
      checkKey,
      observe: () => ({ context: UNKNOWN_CONTEXT }),
      knownUplinks: async () => ASSUMED_UPLINKS,
      measuredUplink: async () => measured,
    }),
  );
  const server = app.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const address = server.address();
  url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}/v1/uploads/advice`;
  stop = () => server.close();
});
afterAll(() => stop());

describe('advice while an upload goes on', () => {
  it('follows its own line, the more of it there is, and is not kept', async () => {
    const chunks: number[] = [];
    for (const bytes of [300_000, 3_000_000, 30_000_000]) {
      measured = { bytes, kbps: 300 };
      const response = await fetch(`${url}?uploadId=u_1`, { headers: { Authorization: 'Bearer k' } });
      expect(response.headers.get('cache-control')).toBe('no-store');
      const { chunkBytes, basis } = (await response.json()) as { chunkBytes: number; basis: { measuredKbps: number } };
      expect(basis.measuredKbps).toBe(300);
      chunks.push(chunkBytes);
    }
    expect(chunks).toEqual([...chunks].sort((left, right) => right - left));
    expect(chunks[0]).toBeGreaterThan(2 * (chunks[2] ?? 0));
  });

  it('is of its place, and may be kept, without one', async () => {
    const response = await fetch(url, { headers: { Authorization: 'Bearer k' } });
    expect(response.headers.get('cache-control')).toBe('private, max-age=60');
    expect(await response.json()).toMatchObject({ basis: { fallbackLevel: 'cold', measuredKbps: null } });
  });
});
