import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { afterEach, describe, expect, test } from 'vitest';
import { Direction } from '../../../bench/first-beta/line/direction.ts';
import { waitFor } from '../../fixtures/wait-for.ts';

const sockets: Socket[] = [];

afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
});

describe('one direction of a narrow line', () => {
  test('delivers every byte of every connection in its order, and the end after the last', async () => {
    const line = new Direction({ bytesPerSecond: 50_000_000, queueBytes: 100_000 });
    const sent = [1, 2, 3].map((value) => Buffer.alloc(200_000 + value, value));
    const received = await Promise.all(
      sent.map(async (bytes) => {
        const [sender, source] = await socketPair();
        const [destination, receiver] = await socketPair();
        line.carry(source, destination, Number.POSITIVE_INFINITY);
        const all = buffer(receiver);
        sender.end(bytes);
        return all;
      }),
    );
    expect(received.map((bytes, n) => bytes.equals(sent[n] ?? Buffer.alloc(0)))).toEqual([true, true, true]);
  });

  test('holds a sender back when its receiver has no room, and nobody else', async () => {
    const line = new Direction({ bytesPerSecond: 50_000_000, queueBytes: 100_000 });
    const [greedy, greedySource] = await socketPair();
    const [greedyDestination, slowReceiver] = await socketPair();
    const [modest, modestSource] = await socketPair();
    const [modestDestination, receiver] = await socketPair();
    const held = line.carry(greedySource, greedyDestination, 5_000);
    line.carry(modestSource, modestDestination, 5_000);
    let slowBytes = 0;
    slowReceiver.on('data', (chunk) => {
      slowBytes += chunk.length;
    });

    greedy.write(Buffer.alloc(60_000));
    await waitFor('the greedy sender to use its room up', () => slowBytes === 5_000);
    modest.end('hello');
    expect(String(await buffer(receiver))).toBe('hello');
    expect(slowBytes).toBe(5_000);

    held.creditBytes += 55_000;
    line.granted();
    await waitFor('the rest', () => slowBytes === 60_000);
  });
});

/** Two ends of one connection that may each be closed by itself. */
async function socketPair(): Promise<[Socket, Socket]> {
  const server = createServer({ allowHalfOpen: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const near = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', allowHalfOpen: true });
  const [far] = (await once(server, 'connection')) as [Socket];
  server.close();
  sockets.push(near, far);
  return [near, far];
}
