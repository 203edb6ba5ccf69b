import type { HostOrder } from './host/host.ts';
import { type PlayProcess, startProcess } from './play-process.ts';
import { CROWD } from './stage.ts';

const HOST = new URL('host/host.ts', import.meta.url);

/** The host application, listening. */
export function startHost(directory: string): Promise<PlayProcess<{ port: number }>> {
  return startProcess<HostOrder, { port: number }>(HOST, { directory, ...CROWD }, { first: false });
}
