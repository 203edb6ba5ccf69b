import type { Context, Pin, PolicyOperation } from '../domain/index.ts';

/** Which arm a context is pinned to at a moment, or null. */
export type PinnedArm = (context: Context, nowMs: number) => string | null;

const placeKey = ({ region, device, connection }: Pick<Pin, 'region' | 'device' | 'connection'>): string =>
  `${region}|${device}|${connection ?? '*'}`;

/** The pins that hold, by number: a later one for the same place takes the place of an earlier one. */
export function standingPins(operations: readonly PolicyOperation[]): Pin[] {
  const byPlace = new Map<string, Pin>();
  for (const operation of [...operations].sort((left, right) => left.number - right.number)) {
    if (operation.kind === 'pin') byPlace.set(placeKey(operation.pin), operation.pin);
    else if (operation.kind === 'unpin')
      for (const [place, pin] of byPlace) if (pin.id === operation.pinId) byPlace.delete(place);
  }
  return [...byPlace.values()];
}

/** Ready for many decisions: a pin of the very connection goes before one of any. Expired pins hold nobody. */
export function indexPins(pins: readonly Pin[]): PinnedArm {
  const byPlace = new Map(pins.map((pin) => [placeKey(pin), { arm: pin.arm, untilMs: Date.parse(pin.expiresAt) }]));
  if (byPlace.size === 0) return () => null;
  return (context, nowMs) => {
    for (const connection of [context.connection, null]) {
      const pin = byPlace.get(placeKey({ ...context, connection }));
      if (pin && pin.untilMs > nowMs) return pin.arm;
    }
    return null;
  };
}
