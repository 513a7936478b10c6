import { describe, expect, it } from "vitest";
import { placeOf } from "./citations";

const cited = (source: string) => ({ title: "A document", source, excerpt: "Words" });

describe("the place of a cited passage", () => {
  it("is the document at the passage", () => {
    const source = "/knowledge/documents/01a222b0-ab1c-7000-a6a7-c6f73c70a02f?version=2&start=40&end=88";
    expect(placeOf(cited(source))).toBe(source);
  });
  it("is nowhere for anything else that an answer may hold", () => {
    for (const source of ["guide/chat.md#Stopping", "https://example.org/", "//example.org/knowledge/documents/a?version=1&start=0&end=1", "/settings", "/knowledge/documents/../../settings?version=1&start=0&end=1", "javascript:alert(1)"]) {
      expect(placeOf(cited(source))).toBeNull();
    }
    expect(placeOf(undefined)).toBeNull();
  });
});
