import type { EngineFacts } from './open-engine.ts';

/** What clickhouse-go (Grafana's plugin) asks first over HTTP, to learn which revision of Native it will be sent. */
const HELLO = /^\s*SELECT\s+displayName\(\),\s*version\(\),\s*revision\(\),\s*timezone\(\)\s*$/i;

export function isGoClientHello(statement: string, protocolRevision: number): boolean {
  return protocolRevision > 0 && HELLO.test(statement);
}

/**
 * The answer to that question: one row in Native as of revision 54454 and later (block info, a serialization flag per
 * column). It names revision 0, so that the client reads everything after it as plain Native, all that chDB writes.
 */
export function goClientHello(facts: EngineFacts): Buffer {
  const revision = Buffer.alloc(4);
  return Buffer.concat([
    Buffer.from([1, 0, 2, 0xff, 0xff, 0xff, 0xff, 0]), // block info: not overflowed, bucket -1, end
    Buffer.from([4, 1]), // columns, rows
    column('displayName()', 'String', text(facts.displayName)),
    column('version()', 'String', text(facts.version)),
    column('revision()', 'UInt32', revision),
    column('timezone()', 'String', text(facts.timezone)),
  ]);
}

function column(name: string, type: string, value: Buffer): Buffer {
  return Buffer.concat([text(name), text(type), Buffer.from([0]), value]);
}

/** A string with its length in front; these are all shorter than 128 bytes, whose length is one byte. */
function text(value: string): Buffer {
  const bytes = Buffer.from(value).subarray(0, 127);
  return Buffer.concat([Buffer.from([bytes.length]), bytes]);
}
