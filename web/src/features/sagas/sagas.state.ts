import type { Saga, SagaStep } from "@/contracts/api";

export const isOver = (state: Saga["state"]): boolean => ["completed", "compensated", "settled"].includes(state);
export const waitsForPerson = (state: Saga["state"]): boolean => state === "failed_compensation" || state === "failed_forward";

export type Look = "done" | "active" | "waiting" | "failed" | "undone";

/** How a step of the path is drawn. */
export function lookOf(step: SagaStep): Look {
  switch (step.state) {
    case "completed":
      return "done";
    case "retrying":
      return "waiting";
    case "running":
    case "undoing":
      return step.due === null ? "active" : "waiting";
    case "undone":
    case "left":
      return "undone";
    default:
      return "failed";
  }
}

/** The steps that people think of: where a timer's end is written down is part of the timer. */
export const shownSteps = (steps: readonly SagaStep[]): SagaStep[] => steps.filter(({ name }) => !name.endsWith(":due"));

/** The step that stands on the point of no return, if it was reached. */
export const pivotOf = (steps: readonly SagaStep[]): SagaStep | undefined => steps.find(({ pivot }) => pivot);

/** `user-removal` as people read it. */
export const wordsOf = (name: string): string => {
  const words = name.replaceAll(/[-_]/g, " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
};
