import { describe, expect, it } from "vitest";
import { safeNext, tokenOf } from "./signin.state";

describe("the one-time link", () => {
  it("hands over its token from the fragment", () => {
    expect(tokenOf("#token=abc-DEF_1")).toBe("abc-DEF_1");
  });
  it("has none without a value", () => {
    expect(tokenOf("")).toBeNull();
    expect(tokenOf("#token=")).toBeNull();
    expect(tokenOf("#other=1")).toBeNull();
  });
});

describe("the way back", () => {
  it("keeps an address of this client, with its query", () => {
    expect(safeNext("/events?type=a")).toBe("/events?type=a");
  });
  it("refuses another host, however it is written", () => {
    for (const evil of ["//evil.example", "/\\evil.example", "https://evil.example", "javascript:alert(1)", "", undefined, ["/a"]]) {
      expect(safeNext(evil)).toBe("/");
    }
  });
});
