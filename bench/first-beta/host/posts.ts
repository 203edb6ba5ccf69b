import { type FileHandle, open } from 'node:fs/promises';

// Lifecycle: openPosts → add and latest in any order → the process ends. The file is the database: one JSON line a post.

/** The feed's database: an append-only file; a post is answered when it is on the disk. */
export type Posts = { add(author: string, text: string): Promise<void>; latest(): Promise<unknown[]> };

/** About thirty posts. */
const TAIL_BYTES = 8 * 1024;

export async function openPosts(path: string): Promise<Posts> {
  const file = await open(path, 'a+');
  let sizeBytes = (await file.stat()).size;
  const commit = groupCommit(file);
  return {
    async add(author, text) {
      const line = Buffer.from(`${JSON.stringify({ author, text, at: new Date().toISOString() })}\n`);
      await commit(line);
      sizeBytes += line.length;
    },
    async latest() {
      const from = Math.max(0, sizeBytes - TAIL_BYTES);
      const { buffer, bytesRead } = await file.read(Buffer.alloc(TAIL_BYTES), 0, TAIL_BYTES, from);
      const lines = buffer
        .toString('utf8', 0, bytesRead)
        .split('\n')
        .slice(from === 0 ? 0 : 1, -1);
      return lines.map((line) => JSON.parse(line)).reverse();
    },
  };
}

/** Posts that arrive during a sync share the next one, as a database's log does. */
function groupCommit(file: FileHandle): (line: Buffer) => Promise<void> {
  let waiting: Buffer[] = [];
  let next: Promise<void> | null = null;
  let running: Promise<unknown> = Promise.resolve();
  return (line) => {
    waiting.push(line);
    next ??= running.then(() => {
      const batch = Buffer.concat(waiting);
      waiting = [];
      next = null;
      const synced = file.appendFile(batch).then(() => file.datasync());
      running = synced.catch(() => undefined);
      return synced;
    });
    return next;
  };
}
