import { effectScope, nextTick } from "vue";
import { describe, expect, it } from "vitest";
import type { DocumentText, Occurrences } from "@/contracts/api";
import { holds, isSameAim, joined, linesBegun, numberIn, pageIn, queryOf, readingOf, segmentsOf, startFor, stepped, windowFor } from "./reading.state";
import { piecesOf } from "./knowledge.state";
import { useFinding, type AskPlaces } from "./useFinding";

const plain = { marked: false, pages: [], found: null };

describe("the address of a document", () => {
  it("names a place, or none", () => {
    expect(readingOf({ start: "4", end: "9", version: "2" })).toEqual({ version: 2, aim: { kind: "stretch", start: 4, end: 9 }, find: "" });
    expect(readingOf({ page: "17", find: "fern" })).toEqual({ version: null, aim: { kind: "page", number: 17 }, find: "fern" });
    expect(readingOf({ passage: "3", version: "0" })).toEqual({ version: null, aim: { kind: "passage", number: 3 }, find: "" });
    for (const none of [{}, { start: "x", end: "9" }, { start: "4" }, { page: "0" }, { page: "1.5" }, { page: ["1", "2"] }]) expect(readingOf(none).aim).toBeNull();
  });
  it("is read as it was written", () => {
    for (const query of [{ version: "2", start: "4", end: "9", find: "a b" }, { page: "3" }, { version: "1", passage: "8" }, {}]) {
      const again = queryOf(readingOf(query));
      expect(Object.fromEntries(Object.entries(again).map(([name, value]) => [name, String(value)]))).toEqual(query);
    }
    expect(isSameAim(readingOf({ page: "3" }).aim, { kind: "page", number: 3 })).toBe(true);
    expect(isSameAim({ kind: "page", number: 3 }, null)).toBe(false);
  });
  it("takes a written number that is there", () => {
    expect(["17", " 5 ", "0", "999", "x", "", "1.5", "-2"].map((one) => numberIn(one, 312))).toEqual([17, 5, 1, 312, null, null, null, null]);
  });
});

describe("a text", () => {
  it("is cut by code points, of which some take two places in a string", () => {
    const text = { text: "😀😀 the passage 😀", start: 100, end: 116, pages: [] };
    expect(segmentsOf(text, { start: 103, end: 114 })).toEqual([
      { ...plain, text: "😀😀 " },
      { ...plain, text: "the passage", marked: true },
      { ...plain, text: " 😀" },
    ]);
  });
  it("goes on over the beginning of a page, and shows empty ones", () => {
    const text = { text: "abcdef", start: 0, end: 6, pages: [{ page: 1, start: 0 }, { page: 2, start: 3 }, { page: 3, start: 3 }] };
    expect(segmentsOf(text, { start: 2, end: 5 })).toEqual([
      { ...plain, text: "ab", pages: [1] },
      { ...plain, text: "c", marked: true },
      { ...plain, text: "de", marked: true, pages: [2, 3] },
      { ...plain, text: "f" },
    ]);
  });
  it("outside the stretch that was read marks nothing", () => {
    expect(segmentsOf({ text: "abc", start: 0, end: 3, pages: [] }, { start: 50, end: 60 }).some(({ marked }) => marked)).toBe(false);
    expect(segmentsOf({ text: "abc", start: 0, end: 3, pages: [] }, null)).toEqual([{ ...plain, text: "abc" }]);
  });
  it("says which place of the sought words each piece belongs to", () => {
    const found = [{ start: 8, end: 11 }, { start: 12, end: 14 }, { start: 15, end: 18 }, { start: 40, end: 42 }];
    const text = { text: "abcdef", start: 10, end: 16, pages: [{ page: 2, start: 13 }] };
    expect(segmentsOf(text, null, found)).toEqual([
      { ...plain, text: "a", found: 8 },
      { ...plain, text: "b" },
      { ...plain, text: "c", found: 12 },
      { ...plain, text: "d", found: 12, pages: [2] },
      { ...plain, text: "e" },
      { ...plain, text: "f", found: 15 },
    ]);
  });
  it("keeps a heading that a mark cuts", () => {
    const segments = ["# The coffee ", "machine", " here\n\nThe ", "# machine"].map((text) => ({ text }));
    const begun = linesBegun(segments);
    expect(begun).toEqual(["", "# The coffee ", "# The coffee machine", "The "]);
    expect(segments.map(({ text }, index) => piecesOf(text, begun[index]).map(({ heading }) => heading))).toEqual([[true], [true], [true, false], [false]]);
  });
  it("is read with what comes before a place, and stretches join", () => {
    expect([startFor(null), startFor({ start: 10 }), startFor({ start: 50_000 })]).toEqual([0, 0, 42_000]);
    const stretch = (start: number, text: string): DocumentText => ({ id: "d", version: 1, title: "", total: 9, start, end: start + text.length, text, pages: [{ page: start, start }], page: start, page_count: 9 });
    expect(joined(stretch(0, "abc"), stretch(3, "def"))).toEqual({ ...stretch(0, "abcdef"), pages: [{ page: 0, start: 0 }, { page: 3, start: 3 }] });
  });
  it("knows whether a place is in what was read", () => {
    const read = { start: 10, end: 20, total: 30, pages: [{ page: 2, start: 12 }, { page: 3, start: 17 }] };
    expect([{ start: 9, end: 11 }, { start: 10, end: 20 }, { start: 15, end: 21 }].map((place) => holds(read, place))).toEqual([false, true, false]);
    expect(holds({ ...read, total: 20 }, { start: 15, end: 21 })).toBe(true);
    expect([1, 2, 3].map((page) => pageIn(read, page))).toEqual([null, { start: 12, end: 17 }, null]);
    expect(pageIn({ ...read, total: 20 }, 3)).toEqual({ start: 17, end: 20 });
  });
});

describe("finding", () => {
  const place = (number: number) => ({ start: number * 10, end: number * 10 + 2 });
  /** A document with words at 500 places. */
  function document() {
    const asked: object[] = [];
    const ask: AskPlaces = async ({ start, skip, limit }) => {
      asked.push({ start, skip });
      const first = skip ?? Math.ceil((start ?? 0) / 10);
      const items = Array.from({ length: Math.min(limit, 500 - first) }, (_, index) => place(first + index));
      return { version: 1, count: 500, more: false, first, items } satisfies Occurrences;
    };
    return { asked, ask };
  }
  const turn = async (): Promise<void> => (await new Promise((resolve) => setTimeout(resolve)), nextTick());

  it("goes to the next place behind the reader, and around the end", async () => {
    const { asked, ask } = document();
    const seen: number[] = [];
    const finding = effectScope().run(() => useFinding(ask, "fern", () => 4985, ({ start }) => seen.push(start)));
    await turn();
    expect(finding?.index.value).toBe(499);
    await finding?.step(1);
    await finding?.step(-1);
    await finding?.step(-1);
    expect(seen).toEqual([4990, 0, 4990, 4980]);
    expect(asked).toEqual([{ start: 4985 }, { skip: 0 }, { skip: 399 }]);
  });
  it("says what failed, and goes nowhere", async () => {
    const finding = effectScope().run(() => useFinding(() => Promise.reject(new Error("no")), "fern", () => 0, () => expect.unreachable()));
    await turn();
    expect(finding?.error.value).toEqual(new Error("no"));
    await finding?.step(1);
  });
  it("asks for places around the wanted one when they are not there", () => {
    const found = { first: 200, items: Array.from({ length: 200 }, (_, index) => place(index)) };
    expect([199, 200, 399, 400, 3].map((wanted) => windowFor(found, wanted))).toEqual([99, null, null, 300, 0]);
    expect([stepped(0, -1, 5), stepped(4, 1, 5), stepped(0, 1, 1)]).toEqual([4, 0, 0]);
  });
});
