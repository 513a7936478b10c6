import type { RoleHop, RoleInstance } from "@/contracts/api";
import type { Tone } from "@/shared/ui/tone";

/** How a process feels. */
export function toneOf(state: RoleInstance["state"]): Tone {
  switch (state) {
    case "live":
      return "good";
    case "draining":
      return "note";
    case "incompatible":
      return "warn";
    default:
      return "bad";
  }
}

/** How a row between two roles stands: all pairs meet, some, none, or one of its ends has nobody. */
export function hopTone({ reachable, pairs }: RoleHop): Tone {
  if (pairs === 0) return "idle";
  if (reachable === 0) return "bad";
  return reachable < pairs ? "warn" : "good";
}
