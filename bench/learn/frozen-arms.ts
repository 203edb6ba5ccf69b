import type { Arm } from '../../src/domain/index.ts';
import { BASELINE_ARM_ID, ladderFamily } from '../../src/policy/ladder-families.ts';

/** Nominal kbit/s of the families that are compared: frozen, so that figures of different days can be. */
const FAMILIES: Readonly<Record<string, readonly number[]>> = {
  [BASELINE_ARM_ID]: [150, 262, 459, 803, 1404, 2457, 4300],
  'low-dense': [105, 147, 206, 288, 403, 565, 790, 1107],
  'low-floor': [114, 199, 347, 610, 1062, 1858],
  'low-top': [150, 262, 459, 803, 1404],
  'low-mid': [150, 200, 266, 355, 473, 840, 1490, 2650],
  sparse: [150, 450, 1350, 4050],
  'very-sparse': [300, 1100, 4000],
  dense: [200, 320, 512, 819, 1311, 2097, 3355],
  'dense-wide': [150, 242, 392, 633, 1022, 1651, 2666, 4300],
  'dense-250': [250, 375, 563, 844, 1266, 1899, 2848, 4300],
  mid: [262, 610, 1404, 3251],
  'mid-dense': [200, 350, 612, 1000, 1500, 2200, 3000],
  'floor-400': [400, 600, 900, 1350, 2025, 2900, 4300],
  'raised-floor': [610, 1062, 1858, 3251, 5690],
  'high-floor': [1062, 1858, 3251, 5690],
  'fast-dense': [803, 1062, 1404, 1858, 2457, 3251, 4300],
  'high-top': [150, 290, 561, 1085, 2098, 3600, 7200],
  'top-5500': [262, 430, 710, 1170, 1930, 3180, 5500],
};

/** The frozen families as arms, baseline first. */
export const FROZEN_ARMS: readonly Arm[] = Object.entries(FAMILIES).map(([id, kbps]) => ladderFamily(id, kbps));
