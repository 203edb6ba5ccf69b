import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isForm, parseForm } from '../../src/clickhouse/parse-form.ts';

const BOUNDARY = '----clickhouse-js-1';
const CONTENT_TYPE = `multipart/form-data; boundary=${BOUNDARY}`;
const build = (fields: readonly (readonly [string, string])[], extra = '') =>
  Buffer.from(
    `${fields
      .map(
        ([name, value]) =>
          `--${BOUNDARY}\r\nContent-Disposition: form-data; name="${name}"${extra}\r\n\r\n${value}\r\n`,
      )
      .join('')}--${BOUNDARY}--\r\n`,
  );

describe('parseForm', () => {
  it('gives back every field of a form', () => {
    const value = fc.string({ unit: 'grapheme' }).filter((text) => !text.includes(BOUNDARY));
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.stringMatching(/^param_\w{1,9}$/), value)), (fields) => {
        expect(parseForm(CONTENT_TYPE, build(fields))).toEqual({ kind: 'form', fields });
      }),
    );
  });

  it('takes a quoted boundary', () => {
    const contentType = `multipart/form-data; charset=utf-8; boundary="${BOUNDARY}"`;
    expect(isForm(contentType)).toBe(true);
    expect(parseForm(contentType, build([['query', 'SELECT 1']]))).toMatchObject({ fields: [['query', 'SELECT 1']] });
  });

  it.each([
    ['no boundary', 'multipart/form-data', build([]), 'SYNTAX_ERROR'],
    ['a part without a name', CONTENT_TYPE, Buffer.from(`--${BOUNDARY}\r\n\r\nx\r\n--${BOUNDARY}--`), 'SYNTAX_ERROR'],
    ['an external table', CONTENT_TYPE, build([['t', '1']]), 'NOT_IMPLEMENTED'],
    ['an uploaded file', CONTENT_TYPE, build([['param_x', '1']], '; filename="x"'), 'NOT_IMPLEMENTED'],
  ])('refuses %s', (_what, contentType, body, type) => {
    expect(parseForm(contentType, body)).toMatchObject({ kind: 'refused', exception: { type } });
  });

  it('leaves other bodies alone', () => {
    expect(isForm(undefined)).toBe(false);
    expect(isForm('text/plain')).toBe(false);
  });
});
