import { describe, expect, it } from "vitest";
import type { SagaDetail, SagaPathStep, SagaStep } from "@/contracts/api";
import { limitsOf, stepWords, toneOf } from "./looks";
import { isOver, lookOf, rowsOf, waitOf, waitsForPerson, wordsOf } from "./sagas.state";

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

const ahead = (part: Partial<SagaPathStep>): SagaPathStep => ({
  name: "pay",
  kind: "saga",
  state: "to_come",
  number: null,
  compensation: true,
  pivot: false,
  timeout_s: null,
  attempts: null,
  undo_attempts: null,
  ...part,
});
const saga = (state: SagaDetail["saga"]["state"]): SagaDetail["saga"] => ({ id: "s", definition: "order", state, subject: "", started_at: "2026-01-01T00:00:00Z", ended_at: null, error: null });

describe("a saga's looks", () => {
  it("stand out when it waits for a person, whichever way it was going", () => {
    for (const state of ["failed_compensation", "failed_forward"] as const) {
      expect(toneOf(state)).toBe("bad");
      expect(waitsForPerson(state)).toBe(true);
      expect(isOver(state)).toBe(false);
    }
  });

  it("tell steps that work from those that wait for their time", () => {
    expect(lookOf(ahead({ state: "running" }), step({}))).toBe("active");
    expect(lookOf(ahead({ state: "running", kind: "timer" }), step({ kind: "timer", due: "2026-01-02T00:00:00Z" }))).toBe("waiting");
    expect(lookOf(ahead({ state: "retrying" }))).toBe("waiting");
    expect(lookOf(ahead({ state: "undone" }))).toBe("undone");
    expect(lookOf(ahead({ state: "stuck" }))).toBe("failed");
    expect(lookOf(ahead({}))).toBe("ahead");
    expect(lookOf(ahead({ state: "not_reached" }))).toBe("never");
  });

  it("say how long and how often", () => {
    expect(limitsOf(ahead({ timeout_s: 60, attempts: 5, undo_attempts: 10 }))).toBe("At most 1 min a try, 5 tries, undone within 10 tries");
    expect(limitsOf(ahead({ kind: "timer" }))).toBe("Waits until its time has come");
    expect(limitsOf(ahead({}))).toBe("Its bounds were not recorded");
  });
});

describe("the picture of a saga", () => {
  const path = (done: number, state: SagaPathStep["state"] = "completed"): SagaPathStep[] =>
    ["pay", "wait", "ship", "thank"].map((name, index) =>
      ahead({ name, compensation: index === 0, pivot: name === "ship", ...(index < done ? { number: index, state } : {}) }),
    );
  const picture = (part: Partial<Pick<SagaDetail, "path" | "turned_at" | "saga">>) => rowsOf({ path: path(1), steps: [step({})], turned_at: null, saga: saga("running"), ...part });

  it("shows every step, and until where there is a way back", () => {
    const rows = picture({});
    expect(rows.map(({ look }) => look)).toEqual(["done", "ahead", "ahead", "ahead"]);
    expect(rows.map(({ lane }) => lane)).toEqual([true, true, true, false]);
    expect(rows.map(({ back }) => back)).toEqual(["ready", "none", "none", "none"]);
    expect(rows[0]?.begun?.name).toBe("pay");
  });

  it("closes the way back at the pivot, and when all is done", () => {
    expect(picture({ path: path(3) })[0]?.back).toBe("closed");
    expect(picture({ saga: saga("completed"), path: path(4) })[0]?.back).toBe("closed");
    expect(picture({ path: path(0) })[0]?.back).toBe("ahead");
  });

  it("shows where it turned and what is undone", () => {
    const turned = { turned_at: "2026-01-01T00:00:00Z" };
    const rows = picture({ ...turned, path: path(2), saga: saga("compensating") });
    expect(rows.map(({ turn }) => turn)).toEqual([false, true, false, false]);
    expect(rows[0]?.back).toBe("ready");
    for (const state of ["undoing", "undone", "stuck"] as const) expect(picture({ ...turned, path: path(1, state), saga: saga("compensating") })[0]?.back).toBe(state);
  });

  it("says what waits for what, and until when", () => {
    const due = "2026-01-02T00:00:00Z";
    const waiting = (kind: SagaPathStep["kind"], state: SagaPathStep["state"], begun: string | null = due) => {
      const path = [ahead({ name: "pay", number: 0, state: "completed" }), ahead({ name: "grace", number: 1, kind, state }), ahead({ name: "ship" })];
      return waitOf({ path, steps: [step({}), step({ number: 1, name: "grace", due: begun })], saga: saga("running") });
    };
    expect(waiting("timer", "running")).toEqual({ kind: "timer", step: "grace", then: "ship", due });
    expect(waiting("signal", "running", null)).toEqual({ kind: "signal", step: "grace", then: "ship", due: null });
    expect(waiting("saga", "retrying")).toEqual({ kind: "retry", step: "grace", then: "ship", due });
    expect(waiting("saga", "running", null)).toBeNull();
    expect(waitOf({ path: path(2, "running"), steps: [], saga: saga("compensating") })).toBeNull();
    expect([stepWords("grace"), stepWords("send-mail")]).toEqual(["Grace period", "Send mail"]);
  });

  it("names definitions as people read them", () => {
    expect(wordsOf("user-removal")).toBe("User removal");
  });
});
