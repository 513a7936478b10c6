import { describe, expect, it } from "vitest";
import type { Link } from "@/contracts/api";
import { briefOf } from "./looks";
import { draftOf, patchOf, STRATEGIES, type PolicyDraft, type StrategyName } from "./policy.state";

const row = (part: Partial<Link> = {}): Link =>
  ({
    id: "a-b",
    timeout: 30,
    total: null,
    transport: "http",
    retry: { max: 3, delay: 0.1, backoff: "exponential", cap: 5, tokens: 10 },
    breaker: { failures: 5, window: 60, permits: 3, mode: "on" },
    bulkhead: null,
    rate_limit: null,
    cache: null,
    chaos: null,
    ...part,
  }) as Link;

function typed(link: Link, change: (draft: PolicyDraft) => void): Record<string, unknown> {
  const draft = draftOf(link);
  change(draft);
  return patchOf(link, draft);
}

describe("a policy draft", () => {
  it("changes nothing when nothing was typed, whatever the row has", () => {
    const bare = row({ retry: null, breaker: null, timeout: null });
    for (const link of [row(), bare, row({ retry: { max: 0, delay: 0.1, backoff: "fixed" } })]) expect(patchOf(link, draftOf(link))).toEqual({});
  });
  it("sends the fields that were touched, whole strategies as one, with the options that nobody touched", () => {
    const patch = typed(row(), (draft) => {
      draft.timeout = "12.5";
      draft.strategies.breaker.values["failures"] = "7";
    });
    expect(patch).toEqual({ timeout: 12.5, breaker: { failures: 7, window: 60, permits: 3, mode: "on" } });
  });
  it("switches strategies off with null", () => {
    const patch = typed(row(), (draft) => {
      draft.timeout = "";
      draft.strategies.retry.on = false;
      draft.strategies.breaker.on = false;
    });
    expect(patch).toEqual({ timeout: null, retry: null, breaker: null });
  });
  it("switches every strategy on with what it needs, and leaves the rest to the server", () => {
    const off = row({ retry: null, breaker: null });
    const patch = typed(off, (draft) => {
      for (const { name } of STRATEGIES) draft.strategies[name].on = true;
    });
    expect(patch).toMatchObject({ bulkhead: { limit: 20 }, rate_limit: { calls: 600, window: 60 }, cache: { ttl: 30, scope: "principal" }, chaos: { fault_rate: 0 } });
    expect(patch["bulkhead"]).not.toHaveProperty("queue");
    expect(patch["retry"]).not.toHaveProperty("tokens");
  });
  it("lets the retry budget follow the number of attempts unless somebody has set it", () => {
    const raise = (draft: PolicyDraft): void => void (draft.strategies.retry.values["max"] = "8");
    expect(typed(row(), raise)["retry"]).not.toHaveProperty("tokens");
    expect(typed(row({ retry: { max: 3, delay: 0.1, backoff: "fixed", tokens: 50 } }), raise)["retry"]).toHaveProperty("tokens", 50);
  });
  it("never takes a slip of the pen for none", () => {
    const patch = typed(row(), (draft) => {
      draft.timeout = "3o";
      draft.strategies.retry.values["max"] = "many";
    });
    expect(patch).toMatchObject({ timeout: "3o", retry: { max: "many" } });
  });
  it("empties an option that may be empty", () => {
    const patch = typed(row({ bulkhead: { limit: 5, queue: 2 } }), (draft) => void (draft.strategies.bulkhead.values["queue"] = ""));
    expect(patch).toEqual({ bulkhead: { limit: 5, queue: null } });
  });
});

describe("a strategy in words", () => {
  it("says what it does", () => {
    const said: [StrategyName, Record<string, unknown>, string][] = [
      ["retry", { max: 2, delay: 0.2, backoff: "exponential" }, "2× exponential, from 200 ms"],
      ["breaker", { failures: 5, window: 60, mode: "on" }, "5 failures in 1 min"],
      ["breaker", { failures: null, window: 30, mode: "shadow" }, "by share of failures in 30 s, shadow"],
      ["bulkhead", { limit: 20, queue: 5, adaptive: true }, "20 at once, 5 waiting, adaptive"],
      ["rate_limit", { calls: "600", window: "60", burst: "" }, "600 calls in 1 min"],
      ["cache", { ttl: 30, scope: "tenant" }, "30 s, for the same tenant"],
      ["chaos", { latency: 1, latency_rate: 0.5, fault_rate: 0.1, abort_rate: 0 }, "50 % delayed by 1 s, 10 % fail"],
      ["chaos", { latency: 0, latency_rate: 0, fault_rate: 0, abort_rate: 0 }, "on, without faults"],
    ];
    for (const [name, policy, words] of said) expect(briefOf(name, policy)).toBe(words);
  });
});
