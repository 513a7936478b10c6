import { describe, expect, it } from "vitest";
import type { StoredEvent } from "@/contracts/api";
import { addressOf, filtersOf, isFiltered, joined, noFilters, queryOf, typeParts, typePattern, wants } from "./events.state";

const event = (position: number, part: Partial<StoredEvent> = {}): StoredEvent => ({ id: String(position), type: "autobot.chat.message_posted.v1", time: "2026-01-01T00:00:00Z", position, stream: "chat-1", revision: 0, correlationid: "c", ...part });

describe("filters", () => {
  it("live in the address and come back from it", () => {
    const filters = { ...noFilters, type: "autobot.chat", correlation: "abc" };
    expect(addressOf(filters)).toEqual({ type: "autobot.chat", correlation: "abc" });
    expect(filtersOf(addressOf(filters))).toEqual(filters);
    expect(filtersOf({ type: ["a", "b"], other: "x" })).toEqual(noFilters);
    expect(isFiltered(noFilters)).toBe(false);
  });
  it("take a type that is not written out as the start of one", () => {
    expect([" autobot.chat", "autobot.*", "autobot.chat.message_posted.v1", ""].map(typePattern)).toEqual(["autobot.chat*", "autobot.*", "autobot.chat.message_posted.v1", ""]);
  });
  it("go to the server in its words, times in UTC", () => {
    const since = new Date(2026, 0, 1, 12).toISOString();
    expect(queryOf({ ...noFilters, since: "2026-01-01T12:00", until: "nonsense", stream: " s " })).toEqual({ stream: "s", since });
  });
  it("choose the same events from the live tail as from the log", () => {
    expect(wants({ ...noFilters, type: "autobot.chat" }, event(1))).toBe(true);
    expect(wants({ ...noFilters, type: "autobot.runs" }, event(1))).toBe(false);
    expect(wants({ ...noFilters, stream: "chat-2" }, event(1))).toBe(false);
    expect(wants({ ...noFilters, correlation: "c" }, event(1))).toBe(true);
    expect(wants({ ...noFilters, since: "2027-01-01T00:00" }, event(1))).toBe(false);
    expect(wants({ ...noFilters, until: "2025-01-01T00:00" }, event(1))).toBe(false);
  });
});

it("the tail joins what was read: newest first, each once, the oldest dropped beyond the limit", () => {
  expect(joined([event(3), event(2)], [event(5), event(3), event(4)], 3).map(({ position }) => position)).toEqual([5, 4, 3]);
});

it("a type is told as context and fact", () => {
  expect(typeParts("autobot.chat.message_posted.v1")).toEqual({ context: "chat", fact: "message_posted.v1" });
  expect(typeParts("org.example.thing")).toEqual({ context: "", fact: "org.example.thing" });
});
