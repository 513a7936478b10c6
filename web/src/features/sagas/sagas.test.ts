import { describe, expect, it } from "vitest";
import type { SagaStep } from "@/contracts/api";
import { toneOf } from "./looks";
import { isOver, lookOf, pivotOf, shownSteps, waitsForPerson, wordsOf } from "./sagas.state";

const step = (part: Partial<SagaStep>): SagaStep => ({
  number: 0,
  name: "pay",
  kind: "saga",
  state: "completed",
  started_at: "2026-01-01T00:00:00Z",
  ended_at: null,
  attempts: 0,
  undo_attempts: 0,
  due: null,
  compensation: true,
  pivot: false,
  error: null,
  ...part,
});

describe("a saga's looks", () => {
  it("stand out when it waits for a person, whichever way it was going", () => {
    for (const state of ["failed_compensation", "failed_forward"] as const) {
      expect(toneOf(state)).toBe("bad");
      expect(waitsForPerson(state)).toBe(true);
      expect(isOver(state)).toBe(false);
    }
  });

  it("tell steps that work from those that wait for their time", () => {
    expect(lookOf(step({ state: "running" }))).toBe("active");
    expect(lookOf(step({ state: "running", kind: "timer", due: "2026-01-02T00:00:00Z" }))).toBe("waiting");
    expect(lookOf(step({ state: "retrying" }))).toBe("waiting");
    expect(lookOf(step({ state: "undone" }))).toBe("undone");
    expect(lookOf(step({ state: "stuck" }))).toBe("failed");
  });

  it("leave out where the end of a timer is written down", () => {
    const steps = [step({ name: "grace:due", kind: "timer" }), step({ name: "grace", kind: "timer" })];
    expect(shownSteps(steps).map(({ name }) => name)).toEqual(["grace"]);
  });

  it("know the point of no return", () => {
    expect(pivotOf([step({}), step({ name: "remove", pivot: true })])?.name).toBe("remove");
    expect(wordsOf("user-removal")).toBe("User removal");
  });
});
