/** The browser's own rows of the communication matrix. The server hands them out; until it has, the specification's values hold. */

export interface Policy {
  /** Longest wait for one attempt, milliseconds. */
  readonly timeoutMs: number;
  /** Further attempts after the first. */
  readonly retries: number;
  /** First backoff step, milliseconds. */
  readonly delayMs: number;
  /** Longest backoff step, milliseconds. */
  readonly delayCapMs: number;
  readonly breaker: { readonly failures: number; readonly windowMs: number } | null;
}

/** Frontend → API Gateway: 30 s, three retries with exponential backoff, five failures in 60 s. */
export const GATEWAY_ROW: Policy = Object.freeze({
  timeoutMs: 30_000,
  retries: 3,
  delayMs: 100,
  delayCapMs: 5_000,
  breaker: Object.freeze({ failures: 5, windowMs: 60_000 }),
});

interface Row {
  id?: unknown;
  timeout?: unknown;
  retry?: { max?: unknown; delay?: unknown } | null;
  breaker?: { failures?: unknown; window?: unknown } | null;
}

const within = (value: unknown, low: number, high: number): value is number =>
  typeof value === "number" && value >= low && value <= high;

/** A policy from a matrix row; a value that is absent or out of range keeps the default, null switches the strategy off. */
export function policyFromRow(row: Row, fallback: Policy = GATEWAY_ROW): Policy {
  const retries = row.retry === null ? 0 : within(row.retry?.max, 0, 10) ? row.retry.max : fallback.retries;
  const delayMs = within(row.retry?.delay, 0, 60) ? row.retry.delay * 1000 : fallback.delayMs;
  const failures = row.breaker?.failures;
  const window = row.breaker?.window;
  return Object.freeze({
    timeoutMs: within(row.timeout, 0.001, 3600) ? row.timeout * 1000 : fallback.timeoutMs,
    retries,
    delayMs: delayMs > 0 ? delayMs : fallback.delayMs,
    delayCapMs: fallback.delayCapMs,
    breaker:
      row.breaker === null
        ? null
        : within(failures, 1, 1000) && within(window, 0.1, 3600)
          ? Object.freeze({ failures, windowMs: window * 1000 })
          : fallback.breaker,
  });
}

/** Finds the `frontend-gateway` row in the answer of `/system/client-policy`. */
export function gatewayPolicy(answer: unknown): Policy {
  const items = (answer as { items?: unknown } | null)?.items;
  const row = Array.isArray(items) ? (items as Row[]).find(({ id }) => id === "frontend-gateway") : undefined;
  return row ? policyFromRow(row) : GATEWAY_ROW;
}
