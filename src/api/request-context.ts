import type { Request } from 'express';
import { CODECS, type Codec, type Context, connectionSchema, deviceSchema, regionSchema } from '../domain/index.ts';

/** A context as far as it was stated; what is missing or not understood stays open. */
export type StatedContext = Partial<Context>;

/** `region`, `device` and `connection` of a query or of upload metadata; only server-side reporters are believed. */
export function readStatedContext(source: Record<string, unknown>): StatedContext {
  const region = regionSchema.safeParse(source.region);
  const device = deviceSchema.safeParse(source.device);
  const connection = connectionSchema.safeParse(source.connection);
  return {
    ...(region.success ? { region: region.data } : {}),
    ...(device.success ? { device: device.data } : {}),
    ...(connection.success ? { connection: connection.data } : {}),
  };
}

/** What a player says of itself, `decodes=av1,hevc`; a name that nobody here knows is passed over: a newer page plays all the same. */
export function readDecodes(source: Record<string, unknown>): Codec[] {
  const said = typeof source.decodes === 'string' ? source.decodes.toLowerCase().split(',') : [];
  return CODECS.filter((codec) => codec !== 'h264' && said.includes(codec));
}

const CMCD_SESSION = /(?:^|,)\s*sid="([A-Za-z0-9._-]{1,64})"/;

/** The session a CMCD-speaking player names (CTA-5004 `sid`), in the query or in its session header. */
export function cmcdSessionId(request: Pick<Request, 'headers' | 'query'>): string | undefined {
  const header = request.headers['cmcd-session'];
  const sources = [request.query.CMCD, header].filter((source) => typeof source === 'string');
  return sources.map((source) => CMCD_SESSION.exec(source)?.[1]).find((sid) => sid !== undefined);
}
