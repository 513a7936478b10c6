import { describe, expect, it } from "vitest";
import type { Measurement, MeasurementDetail, QuestionResult, QuestionSet } from "@/contracts/api";
import { changeOf, newest, partOf, pictured, placeOf, queryOf, rowsOf } from "./quality.state";

const run = (id: string, ndcg: number | null): Measurement => ({ id, figures: ndcg === null ? null : { ndcg_10: ndcg } }) as unknown as Measurement;
const result = (question: string, ndcg: number): QuestionResult => ({ question, ndcg_10: ndcg, recall_10: 1, recall_100: 1, reciprocal_rank_10: 1, first: 1, gone: 0 });
const detail = (...questions: QuestionResult[]): MeasurementDetail => ({ questions }) as unknown as MeasurementDetail;
const set = { questions: ["a", "b", "c"].map((id) => ({ id, query: `query ${id}` })) } as unknown as QuestionSet;

it("the place in the address comes back as it went", () => {
  const place = { collection: "c", set: "s", run: "r", beside: null };
  expect(placeOf(queryOf(place))).toEqual(place);
  expect(queryOf(placeOf({ collection: "", set: ["x"] }))).toEqual({});
});

it("the newest measurement with figures is shown", () => {
  expect(newest([run("going", null), run("new", 0.5), run("old", 0.4)])?.id).toBe("new");
  expect(newest([run("going", null)])).toBeNull();
});

it("the picture has those with figures, the oldest first, and the newest when they are many", () => {
  const ids = (runs: Measurement[]) => pictured(runs).map(({ id }) => id);
  expect(ids([run("3", 1), run("x", null), run("2", 0.5), run("1", 0)])).toEqual(["1", "2", "3"]);
  const many = ids(Array.from({ length: 40 }, (_, age) => run(String(age), 0.5)));
  expect([many.length, many[0], many.at(-1)]).toEqual([24, "23", "0"]);
});

describe("the questions of two measurements", () => {
  it("stand beside each other by id, those that fail first, those that were not asked last", () => {
    const rows = rowsOf(set, detail(result("a", 0.9), result("b", 0.1)), detail(result("b", 0.4)));
    expect(rows.map(({ id, result: now, before }) => [id, now?.ndcg_10 ?? null, before?.ndcg_10 ?? null])).toEqual([["b", 0.1, 0.4], ["a", 0.9, null], ["c", null, null]]);
  });
  it("tell how a figure changed, and nothing where one is missing", () => {
    expect([changeOf(0.5, 0.25), changeOf(0.25, 0.5), changeOf(0.5, 0.5), changeOf(0.5, null), changeOf(undefined, 1)]).toEqual(["+0.250", "−0.250", "±0", "", ""]);
  });
});

it("a file of a question set is known by how it begins", () => {
  expect(["\n{\"query\": 1}", "1 0 doc-7 2\n2 0 x 1", "t1\t0\td\t-1", "1\twhere do ferns grow", "where do ferns grow", ""].map(partOf)).toEqual(["jsonl", "qrels", "qrels", "topics", null, null]);
});
