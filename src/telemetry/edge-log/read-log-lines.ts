import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { pipeline, type Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { createGunzip } from 'node:zlib';

/** The file cannot be opened, or is damaged. */
export class EdgeLogError extends Error {
  override readonly name = 'EdgeLogError';
  readonly code = 'edge-log.unreadable';
}

export type LogLine = { number: number; text: string };

/** No cache takes a longer request; what is longer is cut, and then no line of any format. */
const MAX_LINE_CHARACTERS = 64 * 1024;

/** The lines of a log, empty ones left out; gzip is told by its first bytes, not by the name. Throws EdgeLogError. */
export async function* readLogLines(path: string): AsyncGenerator<LogLine> {
  let number = 0;
  try {
    const isCompressed = await isGzip(path);
    const file = createReadStream(path);
    const input: Readable = isCompressed ? pipeline(file, createGunzip(), () => {}) : file;
    for await (const text of linesOf(input)) {
      number += 1;
      if (text !== '') yield { number, text };
    }
  } catch (cause) {
    const after = number === 0 ? '' : ` after line ${number}`;
    throw new EdgeLogError(`${path} cannot be read${after}: ${(cause as Error).message}`, { cause });
  }
}

async function* linesOf(input: Readable): AsyncGenerator<string> {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  for await (const bytes of input as AsyncIterable<Buffer>) {
    const lines = (rest + decoder.write(bytes)).split('\n');
    rest = (lines.pop() ?? '').slice(0, MAX_LINE_CHARACTERS);
    for (const line of lines) yield line.trim();
  }
  yield (rest + decoder.end()).trim();
}

async function isGzip(path: string): Promise<boolean> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(2), 0, 2, 0);
    return bytesRead === 2 && buffer[0] === 0x1f && buffer[1] === 0x8b;
  } finally {
    await file.close();
  }
}
