import type { Saga } from "@/contracts/api";
import type { Tone } from "@/shared/ui/tone";

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
