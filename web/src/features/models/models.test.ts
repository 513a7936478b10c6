import { describe, expect, it } from "vitest";
import type { ModelOverview } from "@/contracts/api";
import { askedOf, isConnected, isHere, lastDays, loadsOf, money, shareOf, speaks, standingOf, tracedOf, type Accelerator } from "./models.state";

describe("usage", () => {
  it("is of whole days in UTC, today included", () => {
    const now = Date.parse("2026-03-01T00:30:00Z");
    expect([lastDays(1, now), lastDays(7, now)]).toEqual([{ from: "2026-03-01", to: "2026-03-01" }, { from: "2026-02-23", to: "2026-03-01" }]);
  });
  it("is by what the address asks, if there is such a thing", () => {
    expect([askedOf({}), askedOf({ by: "key", days: "7" }), askedOf({ by: "mood", days: "8" })]).toEqual([{ by: "model", days: 30 }, { by: "key", days: 7 }, { by: "model", days: 30 }]);
  });
  it("says small sums and none", () => {
    expect([0, 12.3, 0.0042, 0.00001].map((value) => money(value, "EUR"))).toEqual(["0 EUR", "12.30 EUR", "0.0042 EUR", "<0.0001 EUR"]);
    expect([shareOf(0, 0), shareOf(1, 4)]).toEqual([null, 0.25]);
  });
});

it("a server shows its worst trouble, and nothing that is not known", () => {
  const server = { address: "a", breaker: "closed", ejected_until: null, paused_until: null, calls: 0, failures: 0, reachable: null, error: null };
  const at = "2026-01-01T00:00:00Z";
  const standings = [server, { ...server, calls: 3 }, { ...server, reachable: false }, { ...server, paused_until: at, reachable: false }, { ...server, ejected_until: at, paused_until: at }, { ...server, breaker: "half_open", ejected_until: at }, { ...server, breaker: "isolated" }];
  expect(standings.map(standingOf)).toEqual(["unknown", "well", "unreachable", "paused", "aside", "failing", "isolated"]);
});

describe("a provider", () => {
  type Provider = ModelOverview["providers"][number];
  const provider = (name: string, state: "ready" | "absent" | "unreachable", generates: boolean, servers: number): Provider =>
    ({ provider: name, servers: Array.from({ length: servers }), models: [{ choice: { id: name, state, generates }, tokens_per_second: null }] }) as unknown as Provider;
  it("is connected when it has a server, or a model that is more than its name", () => {
    expect([provider("ollama", "absent", true, 0), provider("ollama", "unreachable", true, 0), provider("ollama", "absent", true, 1)].map(isConnected)).toEqual([false, true, true]);
  });
  it("speaks when a language model is ready: the assistant is none, and what embeds only does not", () => {
    const all = [provider("ollama", "ready", true, 1), provider("ollama", "unreachable", true, 1), provider("openai", "ready", false, 1), provider("assistant", "ready", true, 0), provider("npu", "ready", true, 1)];
    expect(all.map(speaks)).toEqual([true, false, false, false, false]);
  });
  it("is named by its place only where that is elsewhere", () => {
    expect(["local", "unix:/run/npu.sock", "http://127.0.0.1:8081"].map(isHere)).toEqual([true, true, false]);
  });
  it("draws no pace as nought, and a worker that says nothing too", () => {
    expect(tracedOf({ providers: [provider("ollama", "ready", true, 1)] } as unknown as ModelOverview)).toEqual({ ollama: 0 });
    const worker = (target: string, report: unknown): Accelerator => ({ target, report }) as Accelerator;
    const items = [worker("a", { load: { texts_per_second: 4, waiting: 2 } }), worker("b", null)];
    expect(loadsOf({ items, embedder: null } as never)).toEqual({ "pace a": 4, "queue a": 2, "pace b": 0, "queue b": 0 });
  });
});
