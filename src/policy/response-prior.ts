import type { Device } from '../domain/index.ts';
import { RESPONSE_FEATURES } from './arm-response.ts';

/**
 * Cold start, by simulation: what the features of `arm-response.ts` were worth to 3,000 made-up viewers (generated lines and titles, no
 * measured data) under the default reward, in points, by knot: held rung, floor too high, bits. The model takes it for a guess
 * with the configured doubt, never for views.
 */
const SIMULATED = {
  everywhere: [
    -9.63, -7.96, 9.2, -5.82, 28.63, -74.4, -36.27, 9.99, 11.56, -15.95, 2.65, 2.05, 2.8, 0, -0.38, -1.64, 5.32, 0,
    -3.11, 5.14,
  ],
  desktop: [
    -2.82, -0.95, 1.71, -1.51, 1.42, -6.85, -3.75, 1.29, 1.19, -1.56, 1.54, 1.09, 1.87, 0, 1.32, -0.91, 2.7, 0, -0.46,
    2,
  ],
  phone: [
    0.41, -1.04, 0.59, 0.05, 5.74, -11.75, -5.32, 1.21, 1.7, -2.43, -0.88, -0.57, -1.17, 0, -1.42, 0.5, -1.37, 0, -0.31,
    -0.71,
  ],
} as const;

const NONE: readonly number[] = new Array<number>(RESPONSE_FEATURES).fill(0);

/** Expected points per unit of each feature, everywhere. */
export const simulatedResponse: readonly number[] = SIMULATED.everywhere;

/** What a device adds to it; nothing for devices that were not simulated. */
export function simulatedDeviceResponse(device: Device): readonly number[] {
  return device === 'phone' || device === 'desktop' ? SIMULATED[device] : NONE;
}
