// The limit that ingest is measured against, as a process of its own: node:http, JSON.parse, one shared fdatasync for all
// bodies that arrive during the one before, 202. It checks nothing, knows nobody and ships nothing.
import { type FileHandle, open } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

const file = await open(process.argv[2] ?? '', 'a');
const commit = groupCommit(file);
const server = createServer((incoming, response) => {
  const chunks: Buffer[] = [];
  incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
  incoming.on('end', async () => {
    const { events } = JSON.parse(Buffer.concat(chunks).toString());
    await commit(events.map((event: unknown) => `${JSON.stringify(event)}\n`).join(''));
    response.statusCode = 202;
    response.end('{}');
  });
});
server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }));
process.once('disconnect', () => process.exit(0));

function groupCommit(handle: FileHandle): (text: string) => Promise<void> {
  let waiting: { text: string; done(): void }[] = [];
  let running = false;
  const run = async (): Promise<void> => {
    running = true;
    while (waiting.length > 0) {
      const batch = waiting;
      waiting = [];
      await handle.write(batch.map(({ text }) => text).join(''));
      await handle.datasync();
      for (const { done } of batch) done();
    }
    running = false;
  };
  return (text) =>
    new Promise((done) => {
      waiting.push({ text, done });
      if (!running) void run();
    });
}
