/** The part of a pino logger this room uses. */
export type Log = Record<'info' | 'warn' | 'error', (details: object, message: string) => void>;
