import { expect, it } from "vitest";
import { barOf, PAGES } from "./pages";

it("a phone's bar shows all pages while there is room, and keeps one place for the rest", () => {
  const few = PAGES.slice(0, 5);
  expect(barOf(few)).toEqual({ shown: few, behind: [] });
  const { shown, behind } = barOf(PAGES);
  expect(shown).toHaveLength(4);
  expect([...shown, ...behind]).toEqual(PAGES);
});
