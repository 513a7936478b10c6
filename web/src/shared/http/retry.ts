/** Whether and when to try again: pure, with time and chance by argument. */
import type { Policy } from "./policy";

export type Outcome =
  | { kind: "answer"; status: number; retryAfterSeconds: number | null; code?: string }
  | { kind: "network" }
  | { kind: "timeout" };

export interface Attempted {
  /** Attempts made so far, at least 1. */
  attempts: number;
  method: string;
  hasIdempotencyKey: boolean;
  outcome: Outcome;
}

const IDEMPOTENT = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE"]);
const RETRYABLE = new Set([408, 425, 429, 502, 503, 504]);

/** Stays true however soon it is asked again: a part is not installed, or a breaker behind the server is open. */
const FINAL_CODES = new Set(["absent", "link-missing", "circuit-open", "configuration"]);

export function mayRepeat(method: string, hasIdempotencyKey: boolean): boolean {
  return hasIdempotencyKey || IDEMPOTENT.has(method.toUpperCase());
}

function isTransient(outcome: Outcome): boolean {
  if (outcome.kind !== "answer") return true;
  return RETRYABLE.has(outcome.status) && !FINAL_CODES.has(outcome.code ?? "");
}

/**
 * Milliseconds to wait before the next attempt, or null to give up. Full jitter: uniform between 0 and
 * the doubled step. A Retry-After is waited for in full, with up to 10 % more so that clients do not return together;
 * one that is longer than the row allows is passed on instead.
 */
export function retryDelay(policy: Policy, attempted: Attempted, chance: () => number): number | null {
  const { attempts, method, hasIdempotencyKey, outcome } = attempted;
  if (attempts > policy.retries || !mayRepeat(method, hasIdempotencyKey) || !isTransient(outcome)) return null;
  const step = Math.min(policy.delayCapMs, policy.delayMs * 2 ** (attempts - 1));
  const jittered = chance() * step;
  const asked = outcome.kind === "answer" ? outcome.retryAfterSeconds : null;
  if (asked === null) return jittered;
  if (asked * 1000 > policy.retryAfterCapMs) return null;
  return Math.max(asked * 1000, jittered) * (1 + chance() * 0.1);
}
