import { type Context, UNKNOWN_CONTEXT } from '../../domain/index.ts';

/** Who sends: what their request shows, and the keyed hash of their address block. */
export type Uploader = {
  context: Context;
  block: string;
  /** A server-side uploader, whose statement is believed before what its own request shows. */
  trusted: boolean;
};

/** Of whom nothing is known. */
export const NOBODY: Uploader = { context: UNKNOWN_CONTEXT, block: '', trusted: false };

/** Where an upload comes from: what was observed before what was stated, or the other way round where that is believed. */
export function contextOf({ context, trusted }: Uploader, stated: Context): Context {
  return trusted ? fillUnknown(stated, context) : fillUnknown(context, stated);
}

/**
 * Who shares a line with whom: an address block, because anybody can claim to be many owners or open many connections; of a
 * server that sends for many, the owner it names.
 */
export function partyOf({ block, trusted }: Uploader, owner: string): string {
  return trusted ? `owner ${owner}` : `block ${block}`;
}

/** The first, with what is unknown of it from the second. */
export function fillUnknown(first: Context, second: Context): Context {
  return {
    region: first.region === UNKNOWN_CONTEXT.region ? second.region : first.region,
    device: first.device === UNKNOWN_CONTEXT.device ? second.device : first.device,
    connection: first.connection === UNKNOWN_CONTEXT.connection ? second.connection : first.connection,
  };
}
