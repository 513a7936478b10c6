import { describe, expect, it } from "vitest";
import type { FoundPassage, QuestionSet } from "@/contracts/api";
import { answerOf, canBeKept, gradedKind, gradeOfKey, gradesIn, type Grades } from "./grading.state";

const set = { questions: [{ id: "1", query: "Where do  ferns grow", relevant: { d1: 3, d2: 0 }, by: "u" }] } as unknown as QuestionSet;

describe("grades", () => {
  it("are those of the question with the same words, whatever its case and blanks", () => {
    expect(gradesIn(set, " where do ferns\tgrow ")).toEqual({ d1: 3, d2: 0 });
    expect([gradesIn(set, "where do ferns"), gradesIn(null, "x"), gradesIn(undefined, "x")]).toEqual([{}, {}, {}]);
  });
  it("are of documents or of passages, as the first one is", () => {
    expect(([{}, { d1: 3 }, { "d1.2.7": 0 }] as Grades[]).map(gradedKind)).toEqual([null, "document", "passage"]);
    const item = { document_id: "d1", passage_id: "d1.2.7" } as FoundPassage;
    expect([answerOf(item, "document"), answerOf(item, "passage")]).toEqual(["d1", "d1.2.7"]);
  });
  it("come by their digits, and by Y", () => {
    expect(["0", "1", "2", "3", "y", "Y", "4", "x", "Enter", ""].map(gradeOfKey)).toEqual([0, 1, 2, 3, 3, 3, null, null, null, null]);
  });
  it("are kept only with something that answers", () => {
    expect(([{}, { a: 0 }, { a: 0, b: 1 }] as Grades[]).map(canBeKept)).toEqual([false, false, true]);
  });
});
