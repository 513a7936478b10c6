import type { ReadModel, ReadModelChange } from "@/contracts/api";
import type { Tone } from "@/shared/ui/tone";

/** How a read model's state feels. */
export const stateTone: Record<ReadModel["state"], Tone> = { starting: "note", building: "note", live: "good", stopped: "bad", folded: "idle" };
/** How a change of it feels. */
export const changeTone: Record<ReadModelChange["status"], Tone> = { accepted: "note", running: "note", completed: "good", failed: "bad", stopped: "idle", interrupted: "warn" };
