import type { Saga, SagaDetail, SagaPathStep, SagaStep } from "@/contracts/api";

export const isOver = (state: Saga["state"]): boolean => ["completed", "compensated", "settled"].includes(state);
export const waitsForPerson = (state: Saga["state"]): boolean => state === "failed_compensation" || state === "failed_forward";

export type Look = "done" | "active" | "waiting" | "failed" | "undone" | "ahead" | "never";
/** What the way back holds for a step: nothing to undo, not begun, could be undone, too late, or how far undoing is. */
export type Back = "none" | "ahead" | "ready" | "closed" | "undoing" | "undone" | "stuck";

/** One step of the picture: as it was planned, and as it went when it was started. */
export interface PathRow {
  step: SagaPathStep;
  begun: SagaStep | undefined;
  look: Look;
  back: Back;
  /** The saga could still turn back here: the way back leads past it. */
  lane: boolean;
  /** Here the saga turned. */
  turn: boolean;
}

/** How a step of the path is drawn. */
export function lookOf(step: SagaPathStep, begun?: SagaStep): Look {
  switch (step.state) {
    case "completed":
      return "done";
    case "retrying":
      return "waiting";
    case "running":
    case "undoing":
      return (begun?.due ?? null) === null ? "active" : "waiting";
    case "undone":
    case "left":
      return "undone";
    case "to_come":
      return "ahead";
    case "not_reached":
      return "never";
    default:
      return "failed";
  }
}

function backOf(step: SagaPathStep, turned: boolean, over: boolean): Back {
  if (!step.compensation) return "none";
  if (step.number === null) return "ahead";
  if (step.state === "undone" || step.state === "undoing") return step.state;
  if (turned) return step.state === "stuck" ? "stuck" : "ready";
  return over ? "closed" : "ready";
}

/** The picture of a saga: every step of its definition, down the way forward and up the way back. */
export function rowsOf(detail: Pick<SagaDetail, "path" | "steps" | "turned_at" | "saga">): PathRow[] {
  const { path, steps } = detail;
  const turned = detail.turned_at !== null;
  const last = path.findLastIndex(({ number }) => number !== null);
  const pivot = path.findIndex((one) => one.pivot);
  const over = isOver(detail.saga.state) || (pivot >= 0 && pivot <= last && !turned);
  return path.map((step, index) => {
    const begun = steps.find(({ number }) => number === step.number);
    return { step, begun, look: lookOf(step, begun), back: backOf(step, turned, over), lane: pivot < 0 || index <= pivot, turn: turned && index === last };
  });
}

/** What a saga waits for while it is not at work, until when if that is known, and which step comes after it. */
export interface Wait {
  kind: "timer" | "signal" | "retry";
  step: string;
  then: string | null;
  due: string | null;
}
export function waitOf({ path, steps, saga }: Pick<SagaDetail, "path" | "steps" | "saga">): Wait | null {
  if (saga.state !== "running") return null;
  const at = path.findIndex(({ state }) => state === "running" || state === "retrying");
  const step = path[at];
  if (step === undefined) return null;
  const kind = step.state === "retrying" ? "retry" : step.kind === "saga" ? null : step.kind;
  return kind && { kind, step: step.name, then: path[at + 1]?.name ?? null, due: steps.find(({ number }) => number === step.number)?.due ?? null };
}

/** `user-removal` as people read it. */
export const wordsOf = (name: string): string => {
  const words = name.replaceAll(/[-_]/g, " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
};
