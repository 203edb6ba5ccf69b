import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readLogLines } from '../../../src/telemetry/edge-log/read-log-lines.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'nara-edge-log-'));
});
afterEach(() => rm(directory, { recursive: true }));

async function linesOf(content: string | Buffer): Promise<unknown[]> {
  const path = join(directory, 'access.log');
  await writeFile(path, content);
  const lines: unknown[] = [];
  for await (const line of readLogLines(path)) lines.push(line);
  return lines;
}

describe('the lines of a log', () => {
  it('are numbered as an editor numbers them, the last one with or without a line feed', async () => {
    expect(await linesOf('a\n\nb\r\nc')).toEqual([
      { number: 1, text: 'a' },
      { number: 3, text: 'b' },
      { number: 4, text: 'c' },
    ]);
    expect(await linesOf('a\n')).toEqual([{ number: 1, text: 'a' }]);
    expect(await linesOf('')).toEqual([]);
  });

  it('are the same when the file is compressed, whatever it is called', async () => {
    const text = Array.from({ length: 50_000 }, (_, n) => `line ${n} åß`).join('\n');
    const lines = await linesOf(gzipSync(text));
    expect(lines).toHaveLength(50_000);
    expect(lines.at(-1)).toEqual({ number: 50_000, text: 'line 49999 åß' });
  });

  it('are cut where no line is that long', async () => {
    const [line] = (await linesOf('x'.repeat(5_000_000))) as { text: string }[];
    expect(line?.text.length).toBeLessThan(200_000);
  });

  it('end with an error that names the file and where it broke', async () => {
    const whole = gzipSync(Array.from({ length: 100_000 }, () => Math.random().toString(36)).join('\n'));
    await expect(linesOf(whole.subarray(0, whole.length / 2))).rejects.toMatchObject({
      name: 'EdgeLogError',
      message: expect.stringMatching(/access\.log cannot be read after line \d+: unexpected end of file/),
    });
    await expect(readLogLines(join(directory, 'none.log')).next()).rejects.toMatchObject({
      code: 'edge-log.unreadable',
    });
  });
});
