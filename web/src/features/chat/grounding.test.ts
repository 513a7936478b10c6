import { expect, it } from "vitest";
import { t } from "@/shared/catalogue";
import { cutOf } from "./grounding";

it("passages that had no room are those that were found and not given", () => {
  expect([cutOf({ found: 6, given: 4 }), cutOf({ found: 6, given: 6 }), cutOf({ found: 0, given: 0 })]).toEqual([2, 0, 0]);
});
it("says how many the model was given, and when it was none", () => {
  expect(t.chat.passagesCut(4, 6)).toContain("4 of 6 passages");
  expect(t.chat.passagesCut(0, 1)).toContain("None of the passages");
});
