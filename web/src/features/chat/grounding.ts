/** What documents gave to an answer. Pure. */
import type { Grounding } from "@/contracts/api";

/** How many of the passages that were found had no room in the model's window. */
export const cutOf = ({ found, given }: Pick<Grounding, "found" | "given">): number => Math.max(0, found - given);
