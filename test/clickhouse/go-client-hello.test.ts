import { expect, it } from 'vitest';
import { goClientHello, isGoClientHello } from '../../src/clickhouse/go-client-hello.ts';

const HELLO = 'SELECT displayName(), version(), revision(), timezone()';

it('recognises the first question of clickhouse-go, and only from a client that speaks the native protocol', () => {
  expect(isGoClientHello(HELLO, 54_460)).toBe(true);
  expect(isGoClientHello(HELLO, 0)).toBe(false);
  expect(isGoClientHello('SELECT version()', 54_460)).toBe(false);
});

it('answers in Native of that revision, naming revision 0', () => {
  const bytes = goClientHello({ displayName: 'vm', version: '26.7.2.1', timezone: 'Etc/UTC' });
  let at = 0;
  const byte = () => bytes[at++];
  const text = () => {
    const size = byte() ?? 0;
    at += size;
    return bytes.toString('utf8', at - size, at);
  };
  const blockInfo = Array.from({ length: 8 }, byte);
  expect(blockInfo).toEqual([1, 0, 2, 255, 255, 255, 255, 0]);
  expect([byte(), byte()]).toEqual([4, 1]);
  expect([text(), text(), byte(), text()]).toEqual(['displayName()', 'String', 0, 'vm']);
  expect([text(), text(), byte(), text()]).toEqual(['version()', 'String', 0, '26.7.2.1']);
  expect([text(), text(), byte(), byte(), byte(), byte(), byte()]).toEqual(['revision()', 'UInt32', 0, 0, 0, 0, 0]);
  expect([text(), text(), byte(), text()]).toEqual(['timezone()', 'String', 0, 'Etc/UTC']);
  expect(at).toBe(bytes.length);
});
