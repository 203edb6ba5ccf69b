import { type ClickHouseException, notImplemented, syntaxError } from './clickhouse-exception.ts';

export type ParsedForm =
  | { kind: 'form'; fields: [name: string, value: string][] }
  | { kind: 'refused'; exception: ClickHouseException };

const BOUNDARY = /boundary=(?:"([^"]+)"|([^;\s]+))/i;
const NAME = /^content-disposition:[^\r\n]*?;\s*name="([^"]*)"/im;
const FILENAME = /^content-disposition:[^\r\n]*?;\s*filename=/im;

/** True for the body in which clients send parameters too long for a URL. */
export function isForm(contentType: string | undefined): boolean {
  return contentType?.toLowerCase().startsWith('multipart/form-data') === true;
}

/** Fields of a multipart/form-data body (RFC 7578): `query` and `param_*`. Uploaded files (external tables) are refused. */
export function parseForm(contentType: string, body: Buffer): ParsedForm {
  const found = BOUNDARY.exec(contentType);
  const boundary = found?.[1] ?? found?.[2];
  if (boundary === undefined)
    return { kind: 'refused', exception: syntaxError('multipart/form-data needs a boundary') };
  const fields: [string, string][] = [];
  // With a line break in front, the first delimiter looks like all the others.
  const parts = `\r\n${body.toString('utf8')}`.split(`\r\n--${boundary}`);
  for (const part of parts.slice(1, -1)) {
    const blank = part.indexOf('\r\n\r\n');
    const head = part.slice(0, blank);
    const name = NAME.exec(head)?.[1];
    if (blank === -1 || name === undefined) {
      return { kind: 'refused', exception: syntaxError('A part of the multipart/form-data body has no name') };
    }
    if (FILENAME.test(head) || !(name === 'query' || name.startsWith('param_'))) {
      return {
        kind: 'refused',
        exception: notImplemented(`External tables (part ${JSON.stringify(name)}) are not supported`),
      };
    }
    fields.push([name, part.slice(blank + 4)]);
  }
  return { kind: 'form', fields };
}
