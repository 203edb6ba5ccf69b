import type { Bench } from '../report.ts';
import { coverage } from './coverage.ts';
import { guardTrips } from './guard-trips.ts';
import { viewsUntilOut } from './time-to-out.ts';

/** What is concluded of arms that are all the same: nothing, as often as promised; and how soon of one that does harm. */
export const safety: Bench = async ({ quick }) => {
  const runs = quick ? 100 : 2_000;
  return [coverage(runs), ...guardTrips(runs), ...viewsUntilOut(quick ? 10 : 40)];
};
