import { describe, expect, it } from "vitest";
import type { Collection } from "@/contracts/api";
import { AS_ASKED, namesOf, toggled } from "./documents";

describe("the documents of a chat", () => {
  it("are chosen and put back one by one, and keep when they are searched", () => {
    const two = toggled(toggled({ ...AS_ASKED, first: true }, "a"), "b");
    expect(two).toEqual({ first: true, collections: ["a", "b"] });
    expect(toggled(two, "a")).toEqual({ first: true, collections: ["b"] });
    expect(AS_ASKED.collections).toEqual([]);
  });

  it("have names while their collection is known", () => {
    const known = [{ id: "a", name: "Garden" }] as Collection[];
    expect(namesOf({ first: false, collections: ["a", "gone"] }, known)).toEqual(["Garden", null]);
  });
});
