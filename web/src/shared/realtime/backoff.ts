/** Milliseconds before dial number `failures` + 1: full jitter over a doubled step, so that windows do not return together. */
export function reconnectDelay(failures: number, chance: () => number, { baseMs, capMs }: { baseMs: number; capMs: number }): number {
  return chance() * Math.min(capMs, baseMs * 2 ** Math.min(failures, 16));
}
