import type { Device } from '../domain/index.ts';
import { RESPONSE_FEATURES } from './arm-response.ts';

/**
 * Cold start, by simulation: what the features of `arm-response.ts` were worth to 3,000 made-up viewers (generated lines and titles, no
 * measured data) under the default reward, in points, by knot: held rung, floor too high, bits. The model takes it for a guess
 * with the configured doubt, never for views.
 */
const SIMULATED = {
  everywhere: [6.01, -5.28, -2.49, 14.03, -38.01, -11.18, 15.42, -6.48, -1.28, 5.29, 0, -2.88, 6.76, 0, -3.41],
  desktop: [-1.03, -1.52, -0.57, 4.12, -6.23, -0.87, 3.85, -0.69, -0.35, 2.53, 0, -0.62, 3.22, 0, -0.96],
  phone: [3.2, -0.38, -0.32, 0.93, -7.46, -3.15, 1.7, -1.64, -0.11, -0.62, 0, -0.42, -0.79, 0, -0.27],
} as const;

const NONE: readonly number[] = new Array<number>(RESPONSE_FEATURES).fill(0);

/** Expected points per unit of each feature, everywhere. */
export const simulatedResponse: readonly number[] = SIMULATED.everywhere;

/** What a device adds to it; nothing for devices that were not simulated. */
export function simulatedDeviceResponse(device: Device): readonly number[] {
  return device === 'phone' || device === 'desktop' ? SIMULATED[device] : NONE;
}
