import { z } from 'zod';

export const DEVICES = ['phone', 'tablet', 'desktop', 'tv', 'unknown'] as const;
export const CONNECTIONS = ['cellular', 'wifi', 'wired', 'unknown'] as const;

/** Nobody told us where this is. */
export const UNKNOWN_REGION = 'ZZ';

/** ISO 3166-1 alpha-2, or a configured group such as `EU-NORTH`; `ZZ` is unknown. Either case is read. */
export const regionSchema = z
  .string()
  .toUpperCase()
  .regex(/^[A-Z]{2}(-[A-Z0-9]{1,12})?$/, {
    error: 'expected an ISO 3166-1 alpha-2 code such as NO, a configured group, or ZZ',
  });
export const deviceSchema = z.enum(DEVICES);
export const connectionSchema = z.enum(CONNECTIONS);

/** Where, on what, and over what a view happens: one cell of what is learned. */
export const contextSchema = z.object({ region: regionSchema, device: deviceSchema, connection: connectionSchema });

export type Device = z.infer<typeof deviceSchema>;
export type Context = z.infer<typeof contextSchema>;

export const UNKNOWN_CONTEXT: Context = { region: UNKNOWN_REGION, device: 'unknown', connection: 'unknown' };

/** A context as a map key: `NO|phone|cellular`. */
export function contextKey({ region, device, connection }: Context): string {
  return `${region}|${device}|${connection}`;
}
