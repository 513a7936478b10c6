/** Milliseconds before dial number `failures` + 1: full jitter over a doubled step, so that windows do not return together. */
export function reconnectDelay(failures: number, chance: () => number, baseMs = 500, capMs = 15_000): number {
  return chance() * Math.min(capMs, baseMs * 2 ** Math.min(failures, 16));
}
