/** Messages that are not yet the server's outlive a reload: they are kept in this browser until they are posted. */
import type { Draft, Kept } from "./chat.state";

const nameOf = (sessionId: string): string => `autobot.drafts:${sessionId}`;

export function loadDrafts(sessionId: string, store: Storage = localStorage): Draft[] {
  try {
    const kept = JSON.parse(store.getItem(nameOf(sessionId)) ?? "[]") as unknown;
    if (!Array.isArray(kept)) return [];
    return kept
      .filter((each): each is { key: string; content: string } => typeof each?.key === "string" && typeof each?.content === "string")
      .map(({ key, content }) => ({ key, content, state: "queued", error: null, messageId: null }));
  } catch {
    return [];
  }
}

/** A draft whose request is under way is kept too: sent again with its key after a reload, it is posted once. */
export function keepDrafts(sessionId: string, drafts: readonly Draft[], store: Storage = localStorage): void {
  const open = drafts.filter(({ state }) => state !== "posted").map(({ key, content }) => ({ key, content }));
  try {
    if (open.length === 0) store.removeItem(nameOf(sessionId));
    else store.setItem(nameOf(sessionId), JSON.stringify(open));
  } catch (error) {
    console.warn("drafts are not kept: the browser's storage refuses", error);
  }
}

const keptName = (sessionId: string): string => `autobot.kept:${sessionId}`;

/** Words of answers that were cut off stay with this tab: the server does not have them. */
export function loadKept(sessionId: string, store: Storage = sessionStorage): Kept {
  try {
    const kept = JSON.parse(store.getItem(keptName(sessionId)) ?? "{}") as unknown;
    return Object.fromEntries(Object.entries(kept as object).filter((entry): entry is [string, string] => typeof entry[1] === "string"));
  } catch {
    return {};
  }
}

export function keepWords(sessionId: string, kept: Kept, store: Storage = sessionStorage): void {
  try {
    if (Object.keys(kept).length === 0) store.removeItem(keptName(sessionId));
    else store.setItem(keptName(sessionId), JSON.stringify(kept));
  } catch (error) {
    console.warn("words of a cut answer are not kept: the browser's storage refuses", error);
  }
}
