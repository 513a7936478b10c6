import type { Saga, SagaPathStep } from "@/contracts/api";
import { t } from "@/shared/catalogue";
import { duration } from "@/shared/ui/format";
import type { Tone } from "@/shared/ui/tone";
import { wordsOf, type Back, type Look } from "./sagas.state";

/** A step as people read it. */
export function stepWords(name: string): string {
  const known: Record<string, string> = t.sagas.stepNames;
  return known[name] ?? wordsOf(name);
}

/** How a saga's state feels. What waits for a person stands out. */
export function toneOf(state: Saga["state"]): Tone {
  switch (state) {
    case "completed":
      return "good";
    case "queued":
    case "running":
      return "note";
    case "compensating":
      return "warn";
    case "failed_compensation":
    case "failed_forward":
      return "bad";
    default:
      return "idle";
  }
}

export const icons: Record<Look, string> = {
  done: "i-lucide-check",
  active: "i-lucide-loader",
  waiting: "i-lucide-clock",
  failed: "i-lucide-x",
  undone: "i-lucide-undo-2",
  ahead: "i-lucide-circle",
  never: "i-lucide-minus",
};
export const frames: Record<Look, string> = {
  done: "border-success/40 bg-success/10 text-success",
  active: "border-primary/40 bg-primary/10 text-primary",
  waiting: "border-warning/40 bg-warning/10 text-warning",
  failed: "border-error/40 bg-error/10 text-error",
  undone: "border-default bg-elevated text-muted",
  ahead: "border-dashed border-accented text-muted",
  never: "border-dashed border-default text-dimmed",
};
/** How a step stands on the way back. */
export const backIcons: Record<Exclude<Back, "none">, { icon: string; look: Look }> = {
  ahead: { icon: "i-lucide-undo-2", look: "ahead" },
  ready: { icon: "i-lucide-undo-2", look: "waiting" },
  closed: { icon: "i-lucide-lock", look: "never" },
  undoing: { icon: "i-lucide-loader", look: "active" },
  undone: { icon: "i-lucide-check", look: "done" },
  stuck: { icon: "i-lucide-x", look: "failed" },
};

/** How long a step may take and how often it is tried, in words. */
export function limitsOf(step: SagaPathStep): string {
  const words = t.sagas.limits;
  if (step.kind === "timer") return words.timer;
  if (step.timeout_s === null) return words.unknown;
  const time = duration(step.timeout_s * 1000);
  if (step.kind === "signal") return words.wait(time);
  return [words.attempt(time), step.attempts === null ? null : words.attempts(step.attempts), step.undo_attempts === null ? null : words.undo(step.undo_attempts)].filter((one) => one !== null).join(", ");
}
