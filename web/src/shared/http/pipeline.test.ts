import { describe, expect, it } from "vitest";
import { Pipeline, type Means } from "./pipeline";
import { GATEWAY_ROW, type Policy } from "./policy";
import { ApiError } from "./problem";

type Reply = Response | "refused" | "silent";

/** A network and a clock of its own: sleeping moves the clock, a silent server waits for its caller. */
function world(replies: Reply[]): { means: Means; sent: Request[]; slept: number[]; advance: (ms: number) => void } {
  let now = 0;
  const sent: Request[] = [];
  const slept: number[] = [];
  const timers: { at: number; fire: () => void }[] = [];
  const advance = (ms: number): void => {
    now += ms;
    for (const timer of timers.filter(({ at }) => at <= now)) timer.fire();
  };
  const means: Means = {
    now: () => now,
    wallNow: () => Date.UTC(2026, 0, 1) + now,
    chance: () => 0.5,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        signal?.addEventListener("abort", () => reject(new Error("aborted")));
        if (ms >= 10_000) timers.push({ at: now + ms, fire: () => resolve() });
        else {
          slept.push(ms);
          now += ms;
          resolve();
        }
      }),
    send: (request) => {
      sent.push(request);
      const reply = replies.shift() ?? "refused";
      if (reply === "refused") return Promise.reject(new TypeError("connection refused"));
      if (reply !== "silent") return Promise.resolve(reply);
      return new Promise((_, reject) => {
        request.signal.addEventListener("abort", () => reject(new Error("aborted")));
        queueMicrotask(() => advance(30_000));
      });
    },
  };
  return { means, sent, slept, advance };
}

const json = (status: number, body: unknown, headers: Record<string, string> = {}): Response =>
  new Response(JSON.stringify(body), { status, headers: { "Content-Type": status < 400 ? "application/json" : "application/problem+json", ...headers } });
const problem = (status: number, code = "x", more: object = {}): Response => json(status, { type: `urn:autobot:problem:${code}`, title: "No", status, code, correlation_id: "c-1", ...more });
const get = (): Request => new Request("http://autobot.test/api/v1/x");
const post = (key?: string): Request => new Request("http://autobot.test/api/v1/x", { method: "POST", body: "{}", headers: key ? { "Idempotency-Key": key } : {} });
const failing = async (promise: Promise<unknown>): Promise<ApiError> => {
  const error = await promise.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!(error instanceof ApiError)) throw new Error(`expected an ApiError, got ${String(error)}`);
  return error;
};

describe("a call", () => {
  it("gives the answer's body", async () => {
    const { means } = world([json(200, { a: 1 })]);
    expect((await new Pipeline(GATEWAY_ROW, means).call(get())).body).toEqual({ a: 1 });
  });
  it("is made up to four times with growing waits, then says that no answer came", async () => {
    const { means, sent, slept } = world([]);
    const error = await failing(new Pipeline(GATEWAY_ROW, means).call(get()));
    expect(error).toMatchObject({ kind: "network", attempts: 4 });
    expect(sent).toHaveLength(4);
    expect(slept).toEqual([50, 100, 200]);
  });
  it("recovers without the caller noticing", async () => {
    const { means, sent } = world(["refused", problem(503), json(200, "yes")]);
    expect((await new Pipeline(GATEWAY_ROW, means).call(get())).body).toBe("yes");
    expect(sent).toHaveLength(3);
  });
  it("repeats a write only with its key, and with the same one each time", async () => {
    const bare = world(["refused", json(200, 1)]);
    expect(await failing(new Pipeline(GATEWAY_ROW, bare.means).call(post()))).toMatchObject({ kind: "network", attempts: 1 });
    const keyed = world(["refused", json(200, 1)]);
    await new Pipeline(GATEWAY_ROW, keyed.means).call(post('"k"'));
    expect(keyed.sent.map((request) => request.headers.get("Idempotency-Key"))).toEqual(['"k"', '"k"']);
  });
  it("tells the problem with its correlation id and does not repeat a refusal", async () => {
    const { means, sent } = world([problem(422, "validation", { detail: "too long", errors: [{ detail: "too long", pointer: "#/a" }] })]);
    const error = await failing(new Pipeline(GATEWAY_ROW, means).call(get()));
    expect(error).toMatchObject({ kind: "problem", status: 422, code: "validation", correlationId: "c-1", message: "too long" });
    expect(sent).toHaveLength(1);
  });
  it("waits longer for a call that says so, and gives that up, too", async () => {
    const { means, sent, advance } = world(["silent"]);
    const call = failing(new Pipeline({ ...GATEWAY_ROW, retries: 0 }, means).call(get(), 90_000));
    await Promise.resolve();
    await new Promise((resolve) => void setTimeout(resolve));
    expect(sent[0]?.signal.aborted).toBe(false);
    advance(60_000);
    expect(await call).toMatchObject({ kind: "timeout", message: "no answer within 90 s" });
  });
  it("gives an attempt thirty seconds, then counts it as a timeout", async () => {
    const { means } = world(["silent", "silent", "silent", "silent"]);
    expect(await failing(new Pipeline(GATEWAY_ROW, means).call(get()))).toMatchObject({ kind: "timeout", attempts: 4 });
  });
  it("waits as long as Retry-After asks, written as seconds or as a date", async () => {
    const seconds = world([problem(503, "x", { retry_after: 3 }), json(200, 1)]);
    await new Pipeline(GATEWAY_ROW, seconds.means).call(get());
    expect(seconds.slept).toEqual([3_150]);
    const dated = world([json(503, {}, { "Retry-After": new Date(Date.UTC(2026, 0, 1) + 4_000).toUTCString() }), json(200, 1)]);
    await new Pipeline(GATEWAY_ROW, dated.means).call(get());
    expect(dated.slept[0]).toBeCloseTo(4_000 * 1.05, -2);
  });
  it("says meanwhile that it waits, and until when", async () => {
    const { means } = world([problem(503, "x", { retry_after: 3 }), json(200, 1)]);
    const pipeline = new Pipeline(GATEWAY_ROW, means);
    const told: (number | null)[] = [];
    pipeline.watch(({ repeatAt }) => told.push(repeatAt));
    await pipeline.call(get());
    expect(told).toEqual([3_150, null]);
  });
  it("ends at once when its page gives it up, and asks nobody for that", async () => {
    const stop = new AbortController();
    const { means } = world(["silent"]);
    const pipeline = new Pipeline(GATEWAY_ROW, { ...means, send: (request) => new Promise((_, reject) => request.signal.addEventListener("abort", () => reject(new Error("gone")))) });
    const call = failing(pipeline.call(new Request("http://autobot.test/", { signal: stop.signal })));
    stop.abort();
    expect(await call).toMatchObject({ kind: "cancelled" });
    expect(pipeline.state.breaker).toBe("closed");
  });
  it("calls an answer that explains nothing garbled", async () => {
    const { means } = world([new Response("<html>Bad gateway</html>", { status: 500, headers: { "Content-Type": "text/html" } })]);
    expect(await failing(new Pipeline(GATEWAY_ROW, means).call(get()))).toMatchObject({ kind: "garbled", status: 500 });
  });
});

describe("the breaker of a page", () => {
  const once: Policy = { ...GATEWAY_ROW, retries: 0 };
  it("opens after five failures, refuses without sending, and closes again by probes", async () => {
    const replies: Reply[] = [];
    const { means, sent, advance } = world(replies);
    const pipeline = new Pipeline(once, means);
    const states: string[] = [];
    pipeline.watch(({ breaker }) => states.at(-1) !== breaker && states.push(breaker));
    for (let turn = 0; turn < 5; turn += 1) await failing(pipeline.call(get()));
    expect(await failing(pipeline.call(get()))).toMatchObject({ kind: "circuit", retryAfterSeconds: 5 });
    expect(sent).toHaveLength(5);
    advance(5_000);
    for (let turn = 0; turn < 3; turn += 1) {
      replies.push(json(200, 1));
      await pipeline.call(get());
    }
    expect(states).toEqual(["open", "half_open", "closed"]);
  });
  it("stays closed when a hop behind the server fails, for the server itself lives", async () => {
    const { means } = world(Array.from({ length: 20 }, () => problem(503, "connect-failed")));
    const pipeline = new Pipeline(once, means);
    for (let turn = 0; turn < 20; turn += 1) await failing(pipeline.call(get()));
    expect(pipeline.state.breaker).toBe("closed");
  });
  it("counts each attempt, so that one failing click can open it", async () => {
    const { means, sent } = world([]);
    const pipeline = new Pipeline({ ...GATEWAY_ROW, retries: 9 }, means);
    expect(await failing(pipeline.call(get()))).toMatchObject({ kind: "circuit" });
    expect(sent).toHaveLength(5);
  });
});
