import type { Crowd } from './users/user.ts';

/** Ports of services, or of the line in front of them, by name. */
export type Ports = Record<'host' | 'video', number>;

/** When one upload had come how far, ms of the wall clock. */
export type UploadTimes = { startedAtMs: number; uploadedAtMs: number; playableAtMs: number; completeAtMs: number };

/** The machine as one variant has it: a host application, and somewhere for videos, with one published. */
export type Stage = {
  services: Ports;
  /** Where people go, over the line at `ports`. */
  crowd(ports: Ports): Omit<Crowd, 'names' | 'password'>;
  /** Sends a clip over the line and waits until it is complete; `playable` says whether it then plays. */
  upload(clip: string, owner: string, ports: Ports): Promise<UploadTimes & { playable: boolean }>;
  stop(): Promise<void>;
};

/** Who has accounts at the host. */
export const CROWD = { names: Array.from({ length: 20 }, (_, n) => `person-${n + 1}`), password: 'correct horse' };

export const urlOf = (port: number): string => `http://127.0.0.1:${port}`;
