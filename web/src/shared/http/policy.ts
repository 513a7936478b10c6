/** The browser's own rows of the communication matrix. The server hands them out; until it has, the specification's values hold. */
import type { BreakerOptions } from "./breaker";

export interface Policy {
  /** Longest wait for one attempt, milliseconds. */
  readonly timeoutMs: number;
  /** Further attempts after the first. */
  readonly retries: number;
  /** First backoff step, milliseconds. */
  readonly delayMs: number;
  /** Longest backoff step, milliseconds. */
  readonly delayCapMs: number;
  /** The longest Retry-After that is waited for, milliseconds; a longer one is passed on. */
  readonly retryAfterCapMs: number;
  readonly breaker: BreakerOptions | null;
}

/** Frontend → API Gateway: 30 s, three retries with exponential backoff, five failures in 60 s. */
export const GATEWAY_ROW: Policy = Object.freeze({
  timeoutMs: 30_000,
  retries: 3,
  delayMs: 100,
  delayCapMs: 5_000,
  retryAfterCapMs: 60_000,
  breaker: Object.freeze({ failures: 5, windowMs: 60_000 }),
});

type Options = Record<string, unknown> | null | undefined;

interface Row {
  id?: unknown;
  timeout?: unknown;
  retry?: Options;
  breaker?: Options;
}

const within = (value: unknown, low: number, high: number): value is number =>
  typeof value === "number" && value >= low && value <= high;

/** Seconds of an option as milliseconds; undefined when absent or out of range. */
const ms = (value: unknown, highSeconds: number): number | undefined => (within(value, 0.001, highSeconds) ? value * 1000 : undefined);

function breakerOf(row: Options, fallback: BreakerOptions | null): BreakerOptions | null {
  if (row === null || row === undefined) return row === null ? null : fallback;
  const windowMs = ms(row.window, 3600);
  if (!within(row.failures, 1, 1000) || windowMs === undefined) return fallback;
  return Object.freeze({
    failures: row.failures,
    windowMs,
    openMs: ms(row.open_time, 600),
    openCapMs: ms(row.open_time_max, 3600),
    probes: within(row.permits, 1, 100) ? row.permits : undefined,
    probeLimitMs: ms(row.permit_timeout, 600),
  });
}

/** A policy from a matrix row; a value that is absent or out of range keeps the default, null switches the strategy off. */
export function policyFromRow(row: Row, fallback: Policy = GATEWAY_ROW): Policy {
  return Object.freeze({
    timeoutMs: ms(row.timeout, 3600) ?? fallback.timeoutMs,
    retries: row.retry === null ? 0 : within(row.retry?.max, 0, 10) ? row.retry.max : fallback.retries,
    delayMs: ms(row.retry?.delay, 60) ?? fallback.delayMs,
    delayCapMs: ms(row.retry?.cap, 600) ?? fallback.delayCapMs,
    retryAfterCapMs: ms(row.retry?.retry_after_max, 3600) ?? fallback.retryAfterCapMs,
    breaker: breakerOf(row.breaker, fallback.breaker),
  });
}

/** How a live connection that was lost is dialled again. */
export interface Reconnect {
  readonly baseMs: number;
  readonly capMs: number;
}

/** Frontend → Backend: reconnect with backoff. */
export const LIVE_ROW: Reconnect = Object.freeze({ baseMs: 500, capMs: 30_000 });

const rowOf = (answer: unknown, id: string): Row | undefined => {
  const items = (answer as { items?: unknown } | null | undefined)?.items;
  return Array.isArray(items) ? (items as Row[]).find((row) => row.id === id) : undefined;
};

/** Finds the `frontend-gateway` row in the answer of `/system/client-policy`. */
export function gatewayPolicy(answer: unknown): Policy {
  const row = rowOf(answer, "frontend-gateway");
  return row ? policyFromRow(row) : GATEWAY_ROW;
}

/** Finds the `frontend-backend` row there. */
export function livePolicy(answer: unknown): Reconnect {
  const retry = rowOf(answer, "frontend-backend")?.retry;
  return Object.freeze({ baseMs: ms(retry?.delay, 60) ?? LIVE_ROW.baseMs, capMs: ms(retry?.cap, 600) ?? LIVE_ROW.capMs });
}
