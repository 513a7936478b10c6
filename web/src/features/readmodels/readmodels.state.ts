import type { ReadModel, ReadModelAct, ReadModelChange } from "@/contracts/api";

/** What is done with a read model: an act of the API, or a discard that ends a rebuild under way. */
export type Act = ReadModelAct | "cancel";

export const isOver = ({ status }: Pick<ReadModelChange, "status">): boolean => status !== "accepted" && status !== "running";

/** Whether somebody builds the candidate just now; else one that is not whole lies there. */
export const isBuilding = (changes: readonly ReadModelChange[]): boolean => changes.some((change) => change.act === "rebuild" && !isOver(change));

/** What stands beside the tables in force. */
export function candidateOf({ beside }: Pick<ReadModel, "beside">, changes: readonly ReadModelChange[]): "none" | "building" | "half" | "ready" {
  if (isBuilding(changes)) return "building";
  if (beside === null || beside.candidate === null) return "none";
  return beside.ready ? "ready" : "half";
}

/** The acts that the server would accept now, in the order in which people take them. */
export function offered(model: ReadModel, changes: readonly ReadModelChange[]): Act[] {
  const { beside, state } = model;
  if (state !== "live" || beside === null) return [];
  const candidate = candidateOf(model, changes);
  if (candidate === "building") return beside.candidate === null ? [] : ["cancel"];
  const kept = beside.previous !== null;
  if (candidate === "none") return ["rebuild", ...(kept ? (["rollback", "discard_kept"] as const) : [])];
  const own: Act[] = candidate === "ready" ? ["parity", "switch", "discard"] : ["rebuild", "discard"];
  return [...own, ...(kept ? (["discard_kept"] as const) : [])];
}

/** The share of the log that a candidate has taken, between 0 and 1. */
export function progressOf({ beside, position }: Pick<ReadModel, "beside" | "position">): number {
  if (beside === null || beside.candidate === null) return 0;
  return position <= 0 ? 1 : Math.min(1, beside.candidate_position / position);
}

/** What a switch should be warned of: a comparison that found differences, or none at all. */
export function doubtOf({ beside }: Pick<ReadModel, "beside">): "unequal" | "uncompared" | null {
  const parity = beside?.parity ?? null;
  if (parity === null) return "uncompared";
  return parity.equal ? null : "unequal";
}

/** Documents in force, as the last comparison counted them; null when nobody compared. */
export function documentsOf({ beside }: Pick<ReadModel, "beside">): number | null {
  const parity = beside?.parity ?? null;
  return parity === null ? null : parity.tables.reduce((sum, { documents }) => sum + documents, 0);
}
