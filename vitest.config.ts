import { defineConfig } from 'vitest/config';

// Projects: `unit` is the fast suite of `npm run check` (no servers, no ffmpeg); `integration` starts the real
// engine, Redis and ffmpeg on free ports; `e2e` starts the whole service as a stranger would, two side by side but for those
// that play or encode in real time or kill what they find, `e2e-alone`;
// `soak` kills it for a long time and is not part of `npm test`.
const ALONE = ['codecs', 'growing', 'players', 'published-assets', 'kill-*'].map((name) => `test/e2e/${name}.test.ts`);

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          setupFiles: ['test/setup.ts'],
          sequence: { groupOrder: 0 },
          // No module keeps state of its own, so files may share them; one process per file took longer than the tests.
          isolate: false,
          maxWorkers: 2,
          // Only what hangs is to fail: a machine that is busy with other things takes ten times as long.
          testTimeout: 30_000,
          include: ['test/**/*.test.ts'],
          exclude: ['test/integration/**', 'test/contract/**', 'test/e2e/**', 'test/soak/**'],
        },
      },
      {
        test: {
          name: 'integration',
          setupFiles: ['test/setup.ts'],
          sequence: { groupOrder: 1 },
          include: ['test/integration/**/*.test.ts', 'test/contract/**/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          maxWorkers: 2,
        },
      },
      {
        test: {
          name: 'e2e',
          setupFiles: ['test/setup.ts'],
          sequence: { groupOrder: 2 },
          include: ['test/e2e/**/*.test.ts'],
          exclude: ALONE,
          testTimeout: 240_000,
          hookTimeout: 120_000,
          maxWorkers: 2,
        },
      },
      {
        test: {
          name: 'e2e-alone',
          setupFiles: ['test/setup.ts'],
          sequence: { groupOrder: 3 },
          include: ALONE,
          testTimeout: 240_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'soak',
          sequence: { groupOrder: 4 },
          setupFiles: ['test/setup.ts'],
          include: ['test/soak/**/*.test.ts'],
          testTimeout: 3_600_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
