// The narrow line, as a process of its own: everything between clients and the machine's services goes through here, both
// ways at `kbps`. Uploads and requests meet in a router's first-in-first-out queue; answers leave through fair queueing,
// as Linux sends by default. Started by fork; told what to carry by one message, answers with the ports to use instead.
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { Direction } from './direction.ts';
import { FIRST_BYTES, ReceiveWindows } from './receive-window.ts';

/** What the line is told. */
export type LineOrder = { kbps: number; services: Record<string, number> };

/** A modest router's buffer; many hold several times that. */
const ROUTER_QUEUE_MS = 100;
const FAIR_QUEUE_BYTES = 3000;
const LOOPBACK = '127.0.0.1';

process.once('message', async (order: LineOrder) => {
  const bytesPerSecond = (order.kbps * 1000) / 8;
  const inbound = new Direction({ bytesPerSecond, queueBytes: (bytesPerSecond * ROUTER_QUEUE_MS) / 1000 });
  const outbound = new Direction({ bytesPerSecond, queueBytes: FAIR_QUEUE_BYTES });
  const windows = new ReceiveWindows(inbound);
  const carry = (client: Socket, port: number): void => {
    const service = connect({ port, host: LOOPBACK, allowHalfOpen: true });
    for (const socket of [client, service]) socket.setNoDelay(true);
    windows.watch(inbound.carry(client, service, FIRST_BYTES));
    outbound.carry(service, client, Number.POSITIVE_INFINITY);
  };
  windows.start();
  const ports: Record<string, number> = {};
  for (const [name, port] of Object.entries(order.services))
    ports[name] = await listen((client) => carry(client, port));
  process.send?.({ ports });
});
process.once('disconnect', () => process.exit(0));

function listen(onClient: (client: Socket) => void): Promise<number> {
  const server = createServer({ allowHalfOpen: true }, onClient);
  return new Promise((resolve) => {
    server.listen(0, LOOPBACK, () => resolve((server.address() as AddressInfo).port));
  });
}
