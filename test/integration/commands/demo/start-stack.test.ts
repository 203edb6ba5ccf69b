import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { StackError, startStack } from '../../../../src/commands/demo/start-stack.ts';
import { runFileSchema } from '../../../../src/supervisor/run-file.ts';

const mainPath = fileURLToPath(new URL('./fixtures/pretend-main.mjs', import.meta.url));
let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'nara-stack-'));
});
afterEach(async () => {
  await rm(directory, { recursive: true });
});

describe("the demo's stack", () => {
  it('is ready when /readyz says so, keeps to itself, publishes the holdout as off, and is gone after stop', async () => {
    const stack = await startStack({ directory, mainPath, signal: new AbortController().signal });
    const run = runFileSchema.parse(JSON.parse(await readFile(join(directory, 'data', 'run.json'), 'utf8')));
    expect(stack.url).toBe(run.url);
    expect(run).toMatchObject({ clickhouseUrl: '', redisUrl: '' });
    expect(await (await fetch(stack.url)).json()).toEqual({
      encode: { holdoutShare: 0, liftPanelShare: 0, supersetShare: 0 },
    });
    await stack.stop();
    expect(await readFile(join(directory, 'data', 'stopped'), 'utf8')).toBe('serve');
    await expect(fetch(stack.url)).rejects.toThrow();
    await stack.stop();
  });

  it('that cannot start says why, in its own words', async () => {
    const { env } = process;
    env.PRETEND_TO_FAIL = '1';
    const starting = startStack({ directory, mainPath, signal: new AbortController().signal });
    await expect(starting).rejects.toThrow(StackError);
    await expect(starting).rejects.toThrow(
      /ended \(code 3\) before it was ready; it said last:\ncannot start: no disk/,
    );
    delete env.PRETEND_TO_FAIL;
  });

  it('is stopped when the demo is interrupted while it starts', async () => {
    const interrupt = new AbortController();
    const starting = startStack({ directory, mainPath, signal: interrupt.signal });
    interrupt.abort(new Error('interrupted'));
    await expect(starting).rejects.toThrow();
    await expect(readFile(join(directory, 'data', 'run.json'))).rejects.toThrow('ENOENT');
  });
});
