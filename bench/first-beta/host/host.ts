// A small host application, as a process of its own: log-in, a feed with durable writes, a room over WebSocket, and, for the
// naive variant, videos. Started by fork with one message, answers with its port.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import express, { type Request } from 'express';
import { WebSocketServer } from 'ws';
import { createAccounts } from './accounts.ts';
import { naiveVideos } from './naive-videos.ts';
import { openPosts } from './posts.ts';

/** What the host is told. */
export type HostOrder = { directory: string; names: string[]; password: string };

process.once('message', async ({ directory, names, password }: HostOrder) => {
  const accounts = await createAccounts(names, password);
  const posts = await openPosts(join(directory, 'posts.ndjson'));
  for (let n = 0; n < 100; n += 1) await posts.add(names[n % names.length] ?? '', `post ${n}, ${'x'.repeat(120)}`);

  const app = express();
  app.use(naiveVideos(join(directory, 'videos')));
  app.use(express.json());
  // For NARA's governor: what a reader of the feed has to wait.
  app.get('/healthz', async (_request, response) => response.json({ posts: (await posts.latest()).length }));
  app.post('/login', async (request, response) => {
    const token = await accounts.logIn(String(request.body.name), String(request.body.password));
    response.status(token === null ? 401 : 200).json({ token });
  });
  app.use((request, response, next) => (who(request) === null ? response.sendStatus(401) : next()));
  app.get('/feed', async (_request, response) => response.json({ posts: await posts.latest() }));
  app.post('/posts', async (request, response) => {
    await posts.add(who(request) ?? '', String(request.body.text));
    response.sendStatus(201);
  });
  const who = (request: Request): string | null => accounts.nameOf(request.get('authorization'));

  const server = createServer(app);
  server.requestTimeout = 0;
  const room = new WebSocketServer({ server, path: '/live' });
  room.on('connection', (socket) => {
    socket.on('error', () => socket.terminate());
    socket.on('message', (data) => {
      for (const client of room.clients) client.send(String(data));
    });
  });
  server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }));
});
process.once('disconnect', () => process.exit(0));
