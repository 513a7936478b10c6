import { describe, expect, it } from "vitest";
import type { Density, Message } from "@/contracts/api";
import { addressOf, askedOf, counts, marked, members, moved, placeOf, positionAt, timeOf } from "./history.state";

const density: Density = { since: "2026-01-01T00:00:00Z", until: "2026-01-01T00:04:00Z", head: 100, before: 0, positions: [10, 10, 90, 100] };

describe("the strip of the log in time", () => {
  it("counts the events of each part", () => {
    expect(counts(density)).toEqual([10, 0, 80, 10]);
  });

  it("finds the same position again for its own place, whatever the parts hold", () => {
    for (let position = 0; position <= 100; position += 1) expect(positionAt(density, placeOf(density, position))).toBe(position);
  });

  it("goes over places in order and stays inside the log", () => {
    const positions = Array.from({ length: 201 }, (_, step) => positionAt(density, step / 100 - 0.5));
    expect(positions).toEqual([...positions].sort((a, b) => a - b));
    expect([positions[0], positions.at(-1)]).toEqual([0, 100]);
  });

  it("moves by an event, by a part that has events, and to the ends", () => {
    expect(["ArrowRight", "ArrowLeft", "PageUp", "PageDown", "Home", "End", "x"].map((key) => moved(density, 10, key))).toEqual([11, 9, 90, 0, 0, 100, null]);
    expect(moved(density, 100, "ArrowRight")).toBe(100);
    expect(moved(density, 0, "ArrowLeft")).toBe(0);
  });

  it("says about when a position was", () => {
    expect(timeOf(density, 0)).toBeNull();
    expect(timeOf(density, 50)).toBe(Date.parse("2026-01-01T00:02:30Z"));
    expect(timeOf({ ...density, since: null, until: null }, 5)).toBeNull();
  });
});

describe("the address", () => {
  it("holds what was chosen and leaves out the rest", () => {
    const asked = { what: "users", chat: "", at: 7, to: 9 };
    expect(addressOf(asked)).toEqual({ what: "users", at: "7", to: "9" });
    expect(askedOf(addressOf(asked))).toEqual(asked);
    expect(askedOf({ at: "-1", to: "x" })).toEqual({ what: "messages", chat: "", at: null, to: null });
  });
});

describe("what differs", () => {
  it("shows the members that differ first", () => {
    const found = members({ key: "a", change: "changed", before: { name: "x", role: "user", old: 1 }, after: { name: "x", role: "admin" } });
    expect(found.map(({ name, differs }) => [name, differs])).toEqual([["role", true], ["old", true], ["name", false]]);
  });

  it("marks messages as added, removed, changed or the same", () => {
    const message = (id: string, content: string): Message => ({ id, content, status: "completed", siblings: [id] }) as unknown as Message;
    const [before, after] = [[message("a", "1"), message("b", "2"), message("c", "3")], [message("a", "1"), message("b", "two"), message("d", "4")]];
    expect(marked(before, after, "before").map(({ mark }) => mark)).toEqual(["same", "changed", "removed"]);
    expect(marked(after, before, "after").map(({ mark }) => mark)).toEqual(["same", "changed", "added"]);
  });
});
