import type { Device } from '../domain/index.ts';
import { RESPONSE_FEATURES } from './arm-response.ts';

/**
 * Cold start, by simulation: what the features of `arm-response.ts` were worth under the default reward, in points, by knot: held rung,
 * stalls of the floor, bits, rung when the line falls. Players on measured lines of seven networks (3G to fibre) and sixteen measured
 * titles, none of which benches measure on; 36 ladders; ridge regression. The model takes it for a guess with the configured doubt,
 * never for views.
 */
const SIMULATED = {
  everywhere: [
    -4.63, -6.71, 2.93, -3.7, 24.23, -29.15, -2.23, 8.9, 9.29, -6.34, 4.44, 0.36, 2.36, 0, -0.08, -0.6, 4.94, 0, -2.98,
    5.2,
  ],
  desktop: [
    -1.23, -1.64, 0.4, -0.78, 1.66, -2.65, -0.33, 1.1, 1.02, -0.65, 1, 0.65, 1.58, 0, 1.48, -0.29, 2.2, 0, -0.24, 2.03,
  ],
  phone: [
    0.07, -0.04, 0.33, -0.14, 4.39, -4.64, -0.23, 1.12, 1.3, -0.93, 0.11, -0.57, -0.99, 0, -1.5, 0.14, -0.96, 0, -0.5,
    -0.73,
  ],
} as const;

const NONE: readonly number[] = new Array<number>(RESPONSE_FEATURES).fill(0);

/** Expected points per unit of each feature, everywhere. */
export const simulatedResponse: readonly number[] = SIMULATED.everywhere;

/** What a device adds to it; nothing for devices that were not simulated. */
export function simulatedDeviceResponse(device: Device): readonly number[] {
  return device === 'phone' || device === 'desktop' ? SIMULATED[device] : NONE;
}
