/**
 * One call through the browser's row, outermost first: retry → breaker → attempt timeout → fetch.
 * Time, chance and the network come in by `Means`, so that hours of backoff test in milliseconds.
 */
import { admit, closed, settle, verdictOf, type Breaker, type Verdict } from "./breaker";
import type { Policy } from "./policy";
import { ApiError, readProblem, retryAfterSeconds } from "./problem";
import { retryDelay, type Outcome } from "./retry";

export interface Means {
  /** Sends one request; rejects when no answer came. */
  send: (request: Request) => Promise<Response>;
  /** Monotonic milliseconds. */
  now: () => number;
  /** Wall-clock milliseconds, to read an HTTP-date. */
  wallNow: () => number;
  /** Uniform in [0, 1). */
  chance: () => number;
  /** Resolves after `ms`; rejects with the signal's reason when it is aborted first. */
  sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
}

export type Attempt =
  | { kind: "answer"; response: Response; body: unknown; problem: ReturnType<typeof readProblem> }
  | { kind: "network" }
  | { kind: "timeout" }
  | { kind: "cancelled" };

export interface PipelineState {
  readonly breaker: Breaker["state"];
  /** Milliseconds of the monotonic clock until which calls are refused; null when none are. */
  readonly refusedUntil: number | null;
  /** The latest moment, on the same clock, at which a call that failed is sent again; null when none waits. */
  readonly repeatAt: number | null;
}

export interface Exchange {
  response: Response;
  body: unknown;
}

/** Failures behind the server: it lives, a part behind it does not, or is not there yet. They do not open the browser's breaker. */
const HOP_CODES = new Set([
  "absent",
  "bad-answer",
  "bulkhead-full",
  "circuit-open",
  "connect-failed",
  "connection-lost",
  "link-missing",
  "preparing",
  "rate-limited",
  "stale",
  "upstream-error",
  "upstream-throttled",
  "upstream-timeout",
]);

export class Pipeline {
  policy: Policy;
  private readonly means: Means;
  private breaker: Breaker = closed();
  private readonly waiting = new Set<number>();
  private readonly listeners = new Set<(state: PipelineState) => void>();

  constructor(policy: Policy, means: Means) {
    this.policy = policy;
    this.means = means;
  }

  get state(): PipelineState {
    return {
      breaker: this.breaker.state,
      refusedUntil: this.breaker.state === "open" ? this.breaker.until : null,
      repeatAt: this.waiting.size === 0 ? null : Math.max(...this.waiting),
    };
  }

  /** Calls `listener` when the breaker changes its state or a call begins or ends waiting for its repeat; returns the way to stop that. */
  watch(listener: (state: PipelineState) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /**
   * Sends `request` by the row's rules. `request` is cloned for every attempt. Resolves with any answer below 400.
   * `timeoutMs` is for what takes longer to send than the row allows an attempt.
   * @throws ApiError for everything else.
   */
  async call(request: Request, timeoutMs = this.policy.timeoutMs): Promise<Exchange> {
    const hasIdempotencyKey = request.headers.has("Idempotency-Key");
    for (let attempts = 1; ; attempts += 1) {
      const attempt = await this.attempt(request, timeoutMs);
      if (attempt.kind === "answer" && attempt.response.status < 400) return attempt;
      if (attempt.kind === "cancelled") throw new ApiError("cancelled", "given up by this page", { attempts });
      const outcome = this.outcomeOf(attempt);
      const delay = retryDelay(this.policy, { attempts, method: request.method, hasIdempotencyKey, outcome }, this.means.chance);
      if (delay === null) throw errorOf(attempt, outcome, attempts, timeoutMs);
      await this.waitToRepeat(delay, request.signal, attempts);
    }
  }

  private async waitToRepeat(delay: number, signal: AbortSignal, attempts: number): Promise<void> {
    const until = this.means.now() + delay;
    this.waiting.add(until);
    this.tell();
    try {
      await this.means.sleep(delay, signal);
    } catch {
      throw new ApiError("cancelled", "given up by this page", { attempts });
    } finally {
      this.waiting.delete(until);
      this.tell();
    }
  }

  private async attempt(request: Request, timeoutMs: number): Promise<Attempt> {
    const permit = this.enter();
    const timer = new AbortController();
    const signal = AbortSignal.any([request.signal, timer.signal]);
    const stopTimer = new AbortController();
    void this.means.sleep(timeoutMs, stopTimer.signal).then(
      () => timer.abort(),
      () => undefined,
    );
    let attempt: Attempt;
    try {
      const response = await this.means.send(new Request(request.clone(), { signal }));
      const body = await readBody(response);
      attempt = { kind: "answer", response, body, problem: readProblem(body) };
    } catch {
      attempt = request.signal.aborted ? { kind: "cancelled" } : timer.signal.aborted ? { kind: "timeout" } : { kind: "network" };
    } finally {
      stopTimer.abort();
    }
    this.leave(permit, verdictOfAttempt(attempt));
    return attempt;
  }

  private enter(): number | null {
    if (this.policy.breaker === null) return null;
    const admission = admit(this.breaker, this.policy.breaker, this.means.now());
    this.become(admission.breaker);
    if (!admission.admitted) {
      throw new ApiError("circuit", "not sent: the server failed too often", { retryAfterSeconds: admission.retryAfterMs / 1000 });
    }
    return admission.permit;
  }

  private leave(permit: number | null, verdict: Verdict): void {
    if (permit === null || this.policy.breaker === null) return;
    this.become(settle(this.breaker, this.policy.breaker, permit, verdict, this.means.now()));
  }

  private become(next: Breaker): void {
    const changed = next.state !== this.breaker.state;
    this.breaker = next;
    if (changed) this.tell();
  }

  private tell(): void {
    for (const listener of this.listeners) listener(this.state);
  }

  private outcomeOf(attempt: Exclude<Attempt, { kind: "cancelled" }>): Outcome {
    if (attempt.kind !== "answer") return attempt;
    const { response, problem } = attempt;
    const asked = retryAfterSeconds(response.headers.get("Retry-After"), this.means.wallNow()) ?? problem?.retry_after ?? null;
    return { kind: "answer", status: response.status, retryAfterSeconds: asked, code: problem?.code ?? problem?.type.split(":").pop() };
  }
}

function verdictOfAttempt(attempt: Attempt): Verdict {
  if (attempt.kind === "cancelled") return "ignored";
  if (attempt.kind !== "answer") return "failure";
  const code = attempt.problem?.code ?? attempt.problem?.type.split(":").pop();
  if (code !== undefined && HOP_CODES.has(code)) return "success";
  return verdictOf(attempt.response.status);
}

async function readBody(response: Response): Promise<unknown> {
  if (response.status === 204 || response.status === 304) return null;
  const type = response.headers.get("Content-Type") ?? "";
  if (!/[/+]json\b/.test(type)) return response.text();
  const text = await response.text();
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

function errorOf(attempt: Exclude<Attempt, { kind: "cancelled" }>, outcome: Outcome, attempts: number, timeoutMs: number): ApiError {
  if (attempt.kind === "network") return new ApiError("network", "no answer from the server", { attempts });
  if (attempt.kind === "timeout") return new ApiError("timeout", `no answer within ${timeoutMs / 1000} s`, { attempts });
  const { response, problem } = attempt;
  const facts = {
    status: response.status,
    correlationId: problem?.correlation_id ?? response.headers.get("X-Correlation-ID") ?? undefined,
    retryAfterSeconds: (outcome.kind === "answer" ? outcome.retryAfterSeconds : null) ?? undefined,
    attempts,
  };
  if (problem === null) return new ApiError("garbled", `the server answered ${response.status} without saying why`, facts);
  return new ApiError("problem", problem.detail || problem.title, { ...facts, problem });
}
