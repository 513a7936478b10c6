import { describe, expect, it } from "vitest";
import type { Consumer, Replay } from "@/contracts/api";
import { t } from "@/shared/catalogue";
import { causeKey, consumerLook, errorWords, parsed, placeName, replaysShown, selectionOf, withLags } from "./messaging.state";

const replay = (id: string, status: Replay["status"], ended_at: string | null = null): Replay => ({ id, status, ended_at }) as Replay;
const consumer = (group: string, lag: number, process = "p"): Consumer => ({ group, lag, process }) as Consumer;

describe("the address", () => {
  it("names a cause by group and fingerprint, and anything else selects all", () => {
    const cause = { group: "reactions", fingerprint: "abc" };
    expect(selectionOf(causeKey(cause))).toEqual(cause);
    for (const other of [undefined, "", "reactions", "/abc", ["a/b"]]) expect(selectionOf(other)).toEqual({});
  });
});

describe("a failure", () => {
  it("is told by the last words of its type and place", () => {
    const words = (error: string): string => errorWords(error, t.messaging.errors, t.messaging.internalError);
    expect(words("autobot.kernel.core.errors.DataCorrupt")).toBe("The event cannot be read as its type says");
    expect(words("autobot.kernel.sagas.history.SomethingNew")).toBe("Something new");
    expect(words("builtins.KeyError")).toBe(t.messaging.internalError);
    expect(placeName("/opt/autobot/src/autobot/kernel/event_store/codec.py:96 unwrap")).toBe("autobot/kernel/event_store/codec.py:96 unwrap");
    expect(placeName("elsewhere.py:1 f")).toBe("elsewhere.py:1 f");
  });
});

describe("replays above the list", () => {
  it("are those that run, and those that ended since one came and were not dismissed", () => {
    const all = [replay("a", "running"), replay("b", "completed", "2026-01-01T00:00:05Z"), replay("c", "halted", "2026-01-01T00:00:06Z"), replay("d", "stopped", "2025-01-01T00:00:00Z")];
    expect(replaysShown(all, ["c"], Date.parse("2026-01-01T00:00:00Z")).map(({ id }) => id)).toEqual(["a", "b"]);
  });
});

describe("the data of a copy", () => {
  it("is an object, or told to be none", () => {
    expect(parsed('{"number": 1}')).toEqual({ data: { number: 1 } });
    expect(parsed("{")).toEqual({ error: "syntax" });
    for (const text of ["1", "null", "[]", '"x"']) expect(parsed(text)).toEqual({ error: "object" });
  });
});

describe("consumers", () => {
  it("keep the last lags of each group", () => {
    const first = withLags({}, [consumer("a", 1), consumer("b", 5)], 2);
    const third = withLags(withLags(first, [consumer("a", 2)], 2), [consumer("a", 3), consumer("a", 9, "q")], 2);
    expect(third).toEqual({ "a · p": [2, 3], "a · q": [9] });
  });
  it("look held when a person holds them, whatever their state", () => {
    expect(consumerLook({ state: "paused", held: true })).toBe("note");
    expect(consumerLook({ state: "paused", held: false })).toBe("bad");
    expect(consumerLook({ state: "running", held: false })).toBe("good");
  });
});
