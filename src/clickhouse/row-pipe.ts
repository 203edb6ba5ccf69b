// A named pipe through which the engine hands the rows of one SELECT at a time: made once, opened for every SELECT,
// closed by the engine (or by finish()) when the statement has ended. Unlike chDB's own streaming it works with every
// format, never blocks the event loop, and its 64 KiB push back on the engine when the client reads slowly.
import { execFile } from 'node:child_process';
import { closeSync, constants, openSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { EmbeddedClickHouseError } from './embedded-clickhouse-error.ts';

/** Rows of one statement. `finish` must be called when the statement has settled: it may never have opened the pipe. */
export type OpenedRows = { rows: Readable; finish(): void };

/** Creates the pipe file at `path`. Throws EmbeddedClickHouseError. */
export async function makeRowPipe(path: string): Promise<void> {
  try {
    await promisify(execFile)('mkfifo', ['-m', '600', path]);
  } catch (cause) {
    const message = `Cannot make a named pipe in the data directory: mkfifo ${path} failed`;
    throw new EmbeddedClickHouseError('clickhouse.start-failed', message, { cause });
  }
}

/**
 * Opens the pipe for reading. The reader has to stay, and read, until the statement has settled: an engine that opens a
 * pipe without a reader waits for ever.
 */
export function openRows(path: string): OpenedRows {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const rows = new Socket({ fd, readable: true, writable: false });
  return { rows, finish: () => endUnopened(path) };
}

/** Opening and closing the writing end gives a reader that never had a writer its end of file. */
function endUnopened(path: string): void {
  try {
    closeSync(openSync(path, constants.O_WRONLY | constants.O_NONBLOCK));
  } catch (error) {
    const noReaderLeft = error instanceof Error && 'code' in error && error.code === 'ENXIO';
    if (!noReaderLeft) throw error;
  }
}
