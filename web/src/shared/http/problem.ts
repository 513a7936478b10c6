/**
 * Everything that a call to the server can end in, except an answer:
 *
 *     ApiError
 *     ├── problem    the server answered with an error; `problem` is its RFC 9457 document
 *     ├── network    no answer: refused, reset, no route
 *     ├── timeout    no answer within the row's timeout
 *     ├── circuit    not sent: this browser's breaker is open; `retryAfterSeconds` says until when
 *     ├── garbled    an answer that is not what the contract says
 *     └── cancelled  the person or the page gave the call up
 */
import type { Problem } from "@/contracts/api";

export type ErrorKind = "problem" | "network" | "timeout" | "circuit" | "garbled" | "cancelled";

export interface ErrorFacts {
  problem?: Problem;
  status?: number;
  correlationId?: string;
  retryAfterSeconds?: number;
  attempts?: number;
}

export class ApiError extends Error {
  readonly kind: ErrorKind;
  readonly problem: Problem | undefined;
  readonly status: number | undefined;
  readonly correlationId: string | undefined;
  readonly retryAfterSeconds: number | undefined;
  readonly attempts: number;

  constructor(kind: ErrorKind, message: string, facts: ErrorFacts = {}) {
    super(message);
    this.name = "ApiError";
    this.kind = kind;
    this.problem = facts.problem;
    this.status = facts.status ?? facts.problem?.status;
    this.correlationId = facts.correlationId ?? facts.problem?.correlation_id ?? undefined;
    this.retryAfterSeconds = facts.retryAfterSeconds ?? facts.problem?.retry_after ?? undefined;
    this.attempts = facts.attempts ?? 1;
  }

  /** The stable word of the problem, such as `circuit-open`: from `code`, else from the end of `type`. */
  get code(): string | undefined {
    return this.problem?.code ?? this.problem?.type.split(":").pop();
  }
}

/** Reads a body as a problem document; null when it is not one. */
export function readProblem(body: unknown): Problem | null {
  if (typeof body !== "object" || body === null) return null;
  const { title, status } = body as Partial<Problem>;
  if (typeof title !== "string" || typeof status !== "number") return null;
  return { ...(body as Problem), type: typeof (body as Problem).type === "string" ? (body as Problem).type : "about:blank" };
}

/** Seconds until a Retry-After moment, from delay-seconds or an HTTP-date (RFC 9110 §10.2.3); null when absent or unreadable. */
export function retryAfterSeconds(header: string | null, nowMs: number): number | null {
  if (header === null) return null;
  const text = header.trim();
  if (/^\d+$/.test(text)) return Number(text);
  const at = Date.parse(text);
  return Number.isNaN(at) ? null : Math.max(0, (at - nowMs) / 1000);
}
