import { describe, expect, it } from "vitest";
import type { FoundPassage, LoggedQuery } from "@/contracts/api";
import { addressOf, askedBy, barsOf, questionOf, rangesOf, scoreOf, spansOf } from "./search.state";

const passage = (stages: Partial<Record<"lexical" | "vector" | "fused", [score: number, rank: number]>>): FoundPassage => ({
  document_id: "d",
  passage_id: "d.1.0",
  version: 1,
  number: 0,
  title: "A title",
  heading: "",
  text: "text",
  start: 0,
  end: 4,
  page: null,
  score: 1,
  stages: { lexical: null, vector: null, feedback: null, fused: null, rerank: null, ...Object.fromEntries(Object.entries(stages).map(([name, [score, rank]]) => [name, { score, rank }])) },
});

describe("a question in the address", () => {
  it("comes back as it went", () => {
    const question = { query: "how", mode: "vector", group: "document", limit: 20, collection: "c", rerank: true } as const;
    expect(questionOf(addressOf(question))).toEqual(question);
    expect(questionOf(addressOf({ ...question, rerank: false }))).toEqual({ ...question, rerank: false });
    expect(addressOf({ query: "how", mode: "hybrid", group: "passage", limit: 10, collection: null, rerank: null })).toEqual({ q: "how" });
  });
  it("is none without words, and usual where the address says what cannot be", () => {
    expect([questionOf({}), questionOf({ q: "  " })]).toEqual([null, null]);
    expect(questionOf({ q: "x", mode: "magic", limit: "7" })).toEqual({ query: "x", mode: "hybrid", group: "passage", limit: 10, collection: null, rerank: null });
  });
});

describe("the bars of a passage", () => {
  const items = [passage({ lexical: [8, 1], fused: [2, 1] }), passage({ lexical: [2, 2], vector: [0.5, 1], fused: [-1, 2] })];
  const ranges = rangesOf(items);
  it("stand for the stages that ran, and no others", () => {
    expect(items.map((item) => barsOf(item, ranges).map(({ stage }) => stage))).toEqual([["lexical", "vector", "fused"], ["lexical", "vector", "fused"]]);
  });
  it("are as long as the score beside the best of that stage", () => {
    expect(items.map((item) => barsOf(item, ranges).map(({ share }) => share))).toEqual([[1, 0, 1], [0.25, 1, 0]]);
  });
  it("tell a stage that did not find the passage from one with a low score", () => {
    expect(barsOf(items[0] as FoundPassage, ranges)[1]).toEqual({ stage: "vector", score: null, rank: null, share: 0 });
  });
  it("say small scores, too", () => {
    expect([1.5204, 0, -0.25, 0.0000012].map(scoreOf)).toEqual(["1.520", "0.000", "-0.250", "≈ 0"]);
  });
  it("are none when nothing was found", () => {
    expect(rangesOf([])).toEqual({});
  });
});

describe("the steps of a search in time", () => {
  const none = { embedding_ms: null, lexical_ms: null, vector_ms: null, feedback_ms: null, rerank_ms: null };
  const said = (took: Parameters<typeof spansOf>[0]) => spansOf(took).map(({ step, from, ms }) => [step, from, ms]);
  it("begin together for words and the question's vector, and follow the slower of both", () => {
    expect(said({ ...none, embedding_ms: 3, lexical_ms: 5, vector_ms: 2, total_ms: 8 })).toEqual([["embedding", 0, 3], ["lexical", 0, 5], ["vector", 5, 2], ["rest", 7, 1]]);
    expect(said({ ...none, embedding_ms: 9, lexical_ms: 5, vector_ms: 2, feedback_ms: 1, rerank_ms: 4, total_ms: 16 })).toEqual([["embedding", 0, 9], ["lexical", 0, 5], ["vector", 9, 2], ["feedback", 11, 1], ["rerank", 12, 4]]);
  });
  it("are those that ran, with a rest where one is left", () => {
    expect(said({ ...none, lexical_ms: 2, total_ms: 6 })).toEqual([["lexical", 0, 2], ["rest", 2, 4]]);
    expect(said({ ...none, total_ms: 0 })).toEqual([]);
  });
});

it("a search of the log leads back to what it asked", () => {
  const logged = { id: "q", query: "a", mode: "lexical", group: "document", limit: 20, collection: "c", rerank: false } as unknown as LoggedQuery;
  expect(questionOf(addressOf(askedBy(logged)))).toEqual({ query: "a", mode: "lexical", group: "document", limit: 20, collection: "c", rerank: false });
  expect(askedBy({ ...logged, limit: 7 }).limit).toBe(10);
});
