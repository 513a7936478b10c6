import { describe, expect, it } from "vitest";
import { ApiError } from "@/shared/http";
import { failureOf } from "./failure";
import { count, duration, exactTime, percent, rate, relative, shortId } from "./format";
import { chordOf, match } from "./keys";

describe("numbers as people read them", () => {
  it("tell a length of time in its own unit", () => {
    expect([0, 0.42, 9.96, 12.4, 999, 1_240, 40_900, 61_000, 120_000, 3_700_000].map(duration)).toEqual(["0 ms", "0.4 ms", "10 ms", "12 ms", "999 ms", "1.2 s", "40 s", "1 min 1 s", "2 min", "1 h 1 min"]);
  });
  it("tell a moment from here", () => {
    const now = Date.parse("2026-06-15T12:00:00Z");
    const at = (seconds: number): string => relative(now - seconds * 1000, now);
    expect([1, 12, 200, 7_300, 200_000, 90 * 86_400].map(at)).toEqual(["now", "12 s ago", "3 min ago", "2 h ago", "2 d ago", "2026-03-17"]);
    expect(at(-65)).toBe("in 1 min");
    expect(exactTime(now)).toMatch(/2026.* (UTC|GMT|[A-Z]{3,5})/);
  });
  it("shorten what is large and keep what is small", () => {
    expect([0, 950, 1_240, 12_400, 3_400_000].map(count)).toEqual(["0", "950", "1.2k", "12k", "3.4M"]);
    expect([0, 0.004, 0.05, 2.44, 120].map(rate)).toEqual(["0", "<0.01", "0.05", "2.4", "120"]);
    expect([0, 0.004, 0.126, 1].map(percent)).toEqual(["0 %", "0.4 %", "13 %", "100 %"]);
    expect(shortId("01920f4e-8a3b-7c55-9f20-6d2a41b6c9e1")).toBe("…41b6c9e1");
  });
});

describe("shortcuts", () => {
  const press = (key: string, part = {}) => chordOf({ key, ctrlKey: false, metaKey: false, altKey: false, ...part });
  it("are named the same for Ctrl and ⌘", () => {
    expect([press("k", { ctrlKey: true }), press("K", { metaKey: true }), press("?"), press("Shift"), press("e", { altKey: true })]).toEqual(["mod+k", "mod+k", "?", null, null]);
  });
  it("may be two keys after one another", () => {
    const map = { "g c": () => undefined, n: () => undefined };
    expect(match(map, null, "g")).toEqual({ prefix: "g" });
    expect(match(map, "g", "c")).toEqual({ name: "g c" });
    expect(match(map, "g", "n")).toEqual({ name: "n" });
    expect(match(map, "g", "x")).toBeNull();
  });
});

describe("what an error card says", () => {
  it("tells a problem with cause, id, hint and code", () => {
    const problem = { type: "urn:autobot:problem:absent", title: "Absent", status: 503, detail: "No NPU.", correlation_id: "c-1", hint: "autobot add npu", code: "absent" };
    expect(failureOf(new ApiError("problem", "x", { problem }))).toMatchObject({ title: "A part is not installed", detail: "No NPU.", correlationId: "c-1", hint: "autobot add npu", code: "absent" });
  });
  it("tells a stored failure the same way", () => {
    expect(failureOf({ code: "connect-failed", detail: "refused", correlation_id: "c-2", hint: null })).toMatchObject({ title: "The target could not be reached", detail: "refused", correlationId: "c-2" });
  });
  it("names a next step where the server names none, and the server's own where it does", () => {
    const failure = { code: "upstream-error", detail: "status 500", correlation_id: "c-3" };
    expect(failureOf({ ...failure, hint: null }).hint).toContain("Retry");
    expect(failureOf({ ...failure, hint: "Load the model first." }).hint).toBe("Load the model first.");
  });
  it("explains each way of getting no answer in words of its own", () => {
    for (const kind of ["network", "timeout", "circuit", "garbled"] as const) expect(failureOf(new ApiError(kind, "technical text")).detail).not.toContain("technical");
  });
  it("never stays silent", () => {
    for (const odd of [null, undefined, "text", 5, {}, new Error("boom")]) expect(failureOf(odd).title).not.toBe("");
  });
});
