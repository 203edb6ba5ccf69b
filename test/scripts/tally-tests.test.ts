import { expect, test } from 'vitest';
import { tallyTests } from '../../scripts/tally-tests.mjs';

const file = (name: string, tests: Record<string, string>, status = 'passed') => ({
  name,
  status,
  assertionResults: Object.entries(tests).map(([fullName, outcome]) => ({ fullName, status: outcome })),
});

test('a test that was in two runs counts once, by its worse outcome', () => {
  const check = { testResults: [file('a', { one: 'passed', two: 'failed' })] };
  const all = { testResults: [file('a', { one: 'passed', two: 'passed' }), file('b', { one: 'passed' })] };
  expect(tallyTests([check, all])).toEqual({ passed: 2, failed: 1, skipped: 0 });
});

test('tests of one name in one file are not one test', () => {
  const twice = {
    name: 'a',
    status: 'passed',
    assertionResults: [1, 2].map(() => ({ fullName: 'one', status: 'passed' })),
  };
  expect(tallyTests([{ testResults: [twice] }, { testResults: [twice] }])).toEqual({
    passed: 2,
    failed: 0,
    skipped: 0,
  });
});

test('a file that could not even be loaded is a failure', () => {
  expect(tallyTests([{ testResults: [file('a', {}, 'failed')] }])).toEqual({ passed: 0, failed: 1, skipped: 0 });
});

test('skipped, pending and planned tests are skipped', () => {
  const all = file('a', { one: 'skipped', two: 'pending', three: 'todo' });
  expect(tallyTests([{ testResults: [all] }])).toEqual({ passed: 0, failed: 0, skipped: 3 });
});
