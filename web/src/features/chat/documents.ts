/** Which documents a chat's answers may rest on. Pure. */
import type { Collection, DocumentUse } from "@/contracts/api";

/** The server takes no more. */
export const COLLECTIONS_MAX = 20;
export const AS_ASKED: DocumentUse = { first: false, collections: [] };

/** With the collection looked into too, or no more. Without any, all are. */
export function toggled(use: DocumentUse, id: string): DocumentUse {
  const others = use.collections.filter((one) => one !== id);
  return { ...use, collections: others.length < use.collections.length ? others : [...others, id] };
}

/** The names of the collections that are looked into; one that is there no more, or not for this person, has none. */
export const namesOf = (use: DocumentUse, known: readonly Collection[]): (string | null)[] => use.collections.map((id) => known.find((one) => one.id === id)?.name ?? null);
