/** Messages that are not yet the server's outlive a reload: they are kept in this browser until they are posted. */
import type { Draft } from "./chat.state";

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
