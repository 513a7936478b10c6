import { expect, it } from "vitest";
import { isUnread } from "./documents";

it("answers cannot know a document before a first version of it was read; a newer version being read hides nothing", () => {
  const told = (["queued", "embedding", "failed", "cancelled"] as const).map((status) => isUnread({ status, ready_version: null }));
  expect(told).toEqual([true, true, false, false]);
  expect(isUnread({ status: "parsing", ready_version: 1 })).toBe(false);
});
