/**
 * This browser's breaker towards the server, as a table of pure transitions.
 *
 *     closed ──N failures in the window, at least half of its calls (or N in a row)──▶ open
 *     open ──the open time has passed──▶ half-open        half-open ──three successes──▶ closed
 *     half-open ──one failure──▶ open, for twice as long (at most 60 s)
 *
 * A permit carries the generation in which it was given; an outcome from an older generation changes nothing.
 * Reading the state changes nothing either.
 */

export interface BreakerOptions {
  readonly failures: number;
  readonly windowMs: number;
  readonly openMs?: number | undefined;
  readonly openCapMs?: number | undefined;
  readonly probes?: number | undefined;
  /** A probe without outcome for this long counts as failed. */
  readonly probeLimitMs?: number | undefined;
}

interface Sample {
  readonly at: number;
  readonly failed: boolean;
}

export type Breaker =
  | { readonly state: "closed"; readonly generation: number; readonly samples: readonly Sample[] }
  | { readonly state: "open"; readonly generation: number; readonly until: number; readonly openMs: number; readonly since: number }
  | {
      readonly state: "half_open";
      readonly generation: number;
      readonly openMs: number;
      readonly good: number;
      readonly probeSince: number | null;
      readonly since: number;
    };

export type Verdict = "success" | "failure" | "ignored";

export type Admission =
  | { readonly admitted: true; readonly permit: number; readonly breaker: Breaker }
  | { readonly admitted: false; readonly retryAfterMs: number; readonly breaker: Breaker };

const OPEN_MS = 5_000;
const OPEN_CAP_MS = 60_000;
const PROBES = 3;
const PROBE_LIMIT_MS = 30_000;

export const closed = (generation = 0): Breaker => ({ state: "closed", generation, samples: [] });

function opened(generation: number, openMs: number, now: number): Breaker {
  return { state: "open", generation: generation + 1, until: now + openMs, openMs, since: now };
}

/** Asks to send one call at `now` (milliseconds of a monotonic clock). */
export function admit(breaker: Breaker, options: BreakerOptions, now: number): Admission {
  switch (breaker.state) {
    case "closed":
      return { admitted: true, permit: breaker.generation, breaker };
    case "open": {
      if (now < breaker.until) return { admitted: false, retryAfterMs: breaker.until - now, breaker };
      const generation = breaker.generation + 1;
      const probing: Breaker = { state: "half_open", generation, openMs: breaker.openMs, good: 0, probeSince: now, since: breaker.since };
      return { admitted: true, permit: generation, breaker: probing };
    }
    case "half_open": {
      if (breaker.probeSince === null) return { admitted: true, permit: breaker.generation, breaker: { ...breaker, probeSince: now } };
      const limit = options.probeLimitMs ?? PROBE_LIMIT_MS;
      const left = breaker.probeSince + limit - now;
      if (left > 0) return { admitted: false, retryAfterMs: Math.min(left, 1_000), breaker };
      return { admitted: false, retryAfterMs: longer(breaker.openMs, options), breaker: reopened(breaker, options, now) };
    }
  }
}

/** Tells how an admitted call ended. */
export function settle(breaker: Breaker, options: BreakerOptions, permit: number, verdict: Verdict, now: number): Breaker {
  if (permit !== breaker.generation) return breaker;
  switch (breaker.state) {
    case "closed":
      return verdict === "ignored" ? breaker : counted(breaker, options, verdict === "failure", now);
    case "open":
      return breaker;
    case "half_open": {
      if (verdict === "ignored") return { ...breaker, probeSince: null };
      if (verdict === "failure") return reopened(breaker, options, now);
      const good = breaker.good + 1;
      if (good >= (options.probes ?? PROBES)) return closed(breaker.generation + 1);
      return { ...breaker, good, probeSince: null };
    }
  }
}

const longer = (openMs: number, options: BreakerOptions): number => Math.min(openMs * 2, options.openCapMs ?? OPEN_CAP_MS);

function reopened(breaker: { generation: number; openMs: number }, options: BreakerOptions, now: number): Breaker {
  return opened(breaker.generation, longer(breaker.openMs, options), now);
}

function counted(breaker: Extract<Breaker, { state: "closed" }>, options: BreakerOptions, failed: boolean, now: number): Breaker {
  const samples = [...breaker.samples, { at: now, failed }].filter((sample) => sample.at > now - options.windowMs).slice(-200);
  const failures = samples.filter((sample) => sample.failed).length;
  const inRow = samples.length - 1 - samples.findLastIndex((sample) => !sample.failed);
  const trips = failed && ((failures >= options.failures && failures * 2 >= samples.length) || inRow >= options.failures);
  return trips ? opened(breaker.generation, options.openMs ?? OPEN_MS, now) : { ...breaker, samples };
}

/** How an HTTP status weighs: 5xx except 501 and 505 is a failure of the server; everything below 500 shows that it lives. */
export function verdictOf(status: number): Verdict {
  return status >= 500 && status !== 501 && status !== 505 ? "failure" : "success";
}
