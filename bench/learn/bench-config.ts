import type { PolicyConfig } from '../../src/domain/index.ts';
import { defaultConfig } from '../../src/policy/ladder-families.ts';
import { FROZEN_ARMS } from './frozen-arms.ts';

/** The default config with the frozen families: all safety on. */
export const benchConfig = (): PolicyConfig => ({
  ...defaultConfig({ createdAt: '2026-01-01T00:00:00.000Z' }),
  arms: [...FROZEN_ARMS],
});
