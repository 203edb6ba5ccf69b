import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';
import { isErrno } from './create-exclusively.ts';

/** Below every system's range of ephemeral ports: while a server restarts, no outgoing connection can be given its port. */
const QUIET_PORTS = { from: 20_000, to: 30_000 };
const QUIET_PORT_TRIES = 100;
/** A taken default moves to a near neighbour first: 8081 is easier to guess than 23417. */
const NEIGHBOURS = 20;

/** A port that was asked for by name is in use or may not be opened. */
export class PortTakenError extends Error {
  readonly code = 'supervisor.port_taken';
  override readonly name = 'PortTakenError';
}

export type PortWish = {
  host: string;
  /** 0: any free one. */
  port: number;
  /** Asked for, not a default: it is this one or an error. */
  explicit: boolean;
  /** The environment variable it came from, for the error's message. */
  variable: string;
};

/** The port to use. Throws PortTakenError when an explicit one is taken; a taken default moves to a free one. */
export async function choosePort({ host, port, explicit, variable }: PortWish): Promise<number> {
  if (port === 0) return freePort(host);
  const reason = await whyTaken(host, port);
  if (reason === null) return port;
  if (explicit) {
    throw new PortTakenError(
      `${variable}=${port} cannot be used on ${host} (${reason}): stop what uses it or choose another`,
    );
  }
  for (let near = port + 1; near < port + NEIGHBOURS; near += 1) {
    if ((await whyTaken(host, near)) === null) return near;
  }
  return freePort(host);
}

/** A free TCP port on this interface, one that stays free of outgoing connections while a server restarts. */
export async function freePort(host: string): Promise<number> {
  for (let tries = 0; tries < QUIET_PORT_TRIES; tries += 1) {
    const port = randomInt(QUIET_PORTS.from, QUIET_PORTS.to);
    if ((await whyTaken(host, port)) === null) return port;
  }
  throw new PortTakenError(`no free port between ${QUIET_PORTS.from} and ${QUIET_PORTS.to} on ${host}`);
}

/** Null when the port can be listened on now, else the system's reason, e.g. `EADDRINUSE`. */
export async function whyTaken(host: string, port: number): Promise<string | null> {
  const server = createServer();
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host, port, exclusive: true }, resolve);
    });
    return null;
  } catch (error) {
    if (isErrno(error, 'EADDRINUSE')) return 'EADDRINUSE';
    if (isErrno(error, 'EACCES')) return 'EACCES';
    throw error;
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
}
