import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { createLineBudget, watchReads } from '../../../../src/api/uploads/uplink/line-budget.ts';
import { waitFor } from '../../../fixtures/wait-for.ts';

/** 1 MB/s. */
const LINE_KBPS = 8_000;

describe('what uploads may take of a line', () => {
  it('is two thirds or so while nobody reads, and never less than one', () => {
    let nowMs = 0;
    const budget = createLineBudget(LINE_KBPS, () => nowMs);
    expect(budget.uploadBytesPerSecond()).toBe(650_000);
    budget.sent(100_000_000);
    expect(budget.uploadBytesPerSecond()).toBe(250_000);
    nowMs = 60_000;
    expect(budget.uploadBytesPerSecond()).toBe(650_000);
  });

  it('makes room for reads, so that both together stay below its width', () => {
    let nowMs = 0;
    const budget = createLineBudget(LINE_KBPS, () => nowMs);
    for (; nowMs < 20_000; nowMs += 100) budget.sent(40_000);
    const uploads = budget.uploadBytesPerSecond();
    expect(uploads).toBeGreaterThan(500_000);
    expect(uploads).toBeLessThan(600_000);
  });
});

describe('a server that is watched', () => {
  it('counts each answer once, with its head, on connections that are used again', async () => {
    const counted: number[] = [];
    const server = createServer((_request, response) => response.end('x'.repeat(1000)));
    watchReads(server, { sent: (bytes) => counted.push(bytes) });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    for (let n = 0; n < 3; n += 1) await (await fetch(url)).text();
    await waitFor('three answers counted', async () => counted.length === 3);
    for (const bytes of counted) {
      expect(bytes).toBeGreaterThan(1000);
      expect(bytes).toBeLessThan(2000);
    }
    server.closeAllConnections();
    server.close();
  });
});
