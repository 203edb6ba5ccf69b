import { expect, test } from 'vitest';
import { readRedisLine, redisConfig } from '../../src/supervisor/redis-child.ts';

test.each([
  ['7954:M 22 Nov 2026 17:35:00.896 # Fatal error loading the DB', 'warn', 'Fatal error loading the DB'],
  ['7954:M 22 Nov 2026 17:35:00.898 * Ready to accept connections', 'debug', 'Ready to accept connections'],
  ['7954:M 22 Nov 2026 17:35:00.896 # Server initialized', 'debug', 'Server initialized'],
  [
    '7954:signal-handler (1795368902) Received SIGTERM scheduling shutdown...',
    'debug',
    'Received SIGTERM scheduling shutdown...',
  ],
  ['*** FATAL CONFIG FILE ERROR (Redis 7.0.15) ***', 'warn', '*** FATAL CONFIG FILE ERROR (Redis 7.0.15) ***'],
  [
    'setpriv: failed to execute redis-server: No such file or directory',
    'warn',
    'setpriv: failed to execute redis-server: No such file or directory',
  ],
  ['', 'debug', ''],
])('%j is logged as %s', (line, level, message) => {
  expect(readRedisLine(line)).toEqual({ level, message });
});

test('redis keeps every write, asks for the password, and listens on loopback alone', () => {
  const lines = redisConfig({ folder: '/data/with space/redis', port: 20_001, password: 'secret' }).split('\n');
  expect(lines).toEqual(expect.arrayContaining(['bind 127.0.0.1', 'requirepass secret', 'appendonly yes', 'save ""']));
  expect(lines).toContain('dir "/data/with space/redis"');
});
