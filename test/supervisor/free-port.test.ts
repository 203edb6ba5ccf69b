import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { choosePort, freePort, PortTakenError, whyTaken } from '../../src/supervisor/free-port.ts';

const HOST = '127.0.0.1';
const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

async function occupy(): Promise<number> {
  const port = await freePort(HOST);
  const server = createServer().listen(port, HOST);
  servers.push(server);
  await once(server, 'listening');
  return port;
}

test('a free port is used as asked for', async () => {
  const port = await freePort(HOST);
  expect(await choosePort({ host: HOST, port, explicit: true, variable: 'NARA_PORT' })).toBe(port);
});

test('a taken default moves to a free port', async () => {
  const taken = await occupy();
  const port = await choosePort({ host: HOST, port: taken, explicit: false, variable: 'NARA_PORT' });
  expect(port).not.toBe(taken);
  expect(await whyTaken(HOST, port)).toBeNull();
});

test('a taken explicit port is an error that names the variable', async () => {
  const taken = await occupy();
  const choice = choosePort({ host: HOST, port: taken, explicit: true, variable: 'NARA_PORT' });
  await expect(choice).rejects.toThrow(PortTakenError);
  await expect(choice).rejects.toThrow(`NARA_PORT=${taken}`);
});

test('port 0 means any, chosen below the ephemeral range so that a restarting server finds it free', async () => {
  const port = await choosePort({ host: HOST, port: 0, explicit: true, variable: 'NARA_PORT' });
  expect(port).toBeGreaterThan(0);
  expect(port).toBeLessThan(32_768);
});
