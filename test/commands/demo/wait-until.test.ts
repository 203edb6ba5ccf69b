import { describe, expect, it } from 'vitest';
import { mapConcurrently } from '../../../src/commands/demo/map-concurrently.ts';
import { DemoTimeoutError, waitUntil } from '../../../src/commands/demo/wait-until.ts';

const wait = { what: 'an answer', timeoutMs: 10_000, everyMs: 1, signal: new AbortController().signal };

describe('waiting for an answer', () => {
  it('asks until there is one', async () => {
    let asked = 0;
    expect(await waitUntil(async () => (++asked < 4 ? null : 'here'), wait)).toBe('here');
    expect(asked).toBe(4);
  });

  it('says what it waited for when none comes', async () => {
    const late = waitUntil(async () => null, { ...wait, timeoutMs: 0 });
    await expect(late).rejects.toThrow(DemoTimeoutError);
    await expect(late).rejects.toThrow('waited 0 s in vain for an answer');
  });

  it('stops with the reason of an abort', async () => {
    const abort = new AbortController();
    const waiting = waitUntil(async () => null, { ...wait, everyMs: 60_000, signal: abort.signal });
    abort.abort(new Error('enough'));
    await expect(waiting).rejects.toMatchObject({ name: 'AbortError', cause: new Error('enough') });
  });
});

describe('mapping concurrently', () => {
  it('keeps the order and never has more at work than allowed', async () => {
    let atWork = 0;
    let most = 0;
    const doubled = await mapConcurrently([5, 1, 4, 2, 3], 2, async (item) => {
      atWork += 1;
      most = Math.max(most, atWork);
      for (let turn = 0; turn < item; turn += 1) await Promise.resolve();
      atWork -= 1;
      return item * 2;
    });
    expect(doubled).toEqual([10, 2, 8, 4, 6]);
    expect(most).toBe(2);
  });

  it('rejects with the first failure', async () => {
    const failing = mapConcurrently([1, 2], 2, async (item) => {
      if (item === 2) throw new Error('two');
      return item;
    });
    await expect(failing).rejects.toThrow('two');
  });
});
