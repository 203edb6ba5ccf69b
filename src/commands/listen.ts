import { createServer, type RequestListener, type Server } from 'node:http';

/** Longer than common proxies' idle time-outs, so that they never send into a connection that is just closing. */
const KEEP_ALIVE_MS = 65_000;
/** Running requests may finish for this long; then uploads resume and players retry elsewhere. */
const CLOSE_TIMEOUT_MS = 1_500;
/** A connection on which nothing moves for this long is given up; one that moves may take hours, as an upload does. */
const IDLE_MS = 300_000;

export type Listening = { url: string; close(): Promise<void> };

/** Listens, and answers where; `prepare` sees the server before the first connection. Throws when the port is taken. */
export async function listen(
  handler: RequestListener,
  where: { host: string; port: number },
  prepare: (server: Server) => void,
): Promise<Listening> {
  const server = createServer(handler);
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  server.requestTimeout = 0;
  server.timeout = IDLE_MS;
  prepare(server);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(where.port, where.host, resolve);
  });
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : where.port;
  const host = where.host.includes(':') ? `[${where.host}]` : where.host;
  return { url: `http://${host}:${port}`, close: () => closeServer(server) };
}

async function closeServer(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  const timer = setTimeout(() => server.closeAllConnections(), CLOSE_TIMEOUT_MS);
  server.closeIdleConnections();
  await closed;
  clearTimeout(timer);
}
