import type { Accepted, DocumentUse, KnowledgeDocument, Listing, Message, Page, PresenceList, Run, SearchHit, Session } from "@/contracts/api";
import { api } from "@/shared/http";

const BASE = "/api/v1/chat";
/** What is not given stays. */
export interface SessionChange {
  title?: string;
  model?: string;
  documents?: DocumentUse;
}
const at = (sessionId: string): string => `${BASE}/sessions/${encodeURIComponent(sessionId)}`;

/** Messages a page; a branch of more than `PAGES` pages is not a conversation any more. */
const PAGE = 200;
const PAGES = 50;

export const listSessions = (query: string, cursor: string | null, signal?: AbortSignal): Promise<Listing<Session>> =>
  api.getFresh(`${BASE}/sessions`, { q: query, limit: 50, cursor }, signal);
export const searchMessages = (query: string, signal?: AbortSignal): Promise<Listing<SearchHit>> => api.getFresh(`${BASE}/search`, { q: query }, signal);
export const readSession = (id: string, signal?: AbortSignal): Promise<Session> => api.get(at(id), {}, signal);
export const createSession = (model: string | null, documents: DocumentUse): Promise<Session> => api.post(`${BASE}/sessions`, model === null ? { documents } : { model, documents });
export const changeSession = (id: string, change: SessionChange): Promise<Session> => api.patch(at(id), change);
/** One's own windows that show a chat now, this one among them. */
export const readWindows = (id: string, signal?: AbortSignal): Promise<PresenceList> => api.get("/api/v1/system/presence", { channel: `chat.session:${id}` }, signal);
/** The newest documents that this person may read. */
export const newestDocuments = (signal?: AbortSignal): Promise<Page<KnowledgeDocument>> => api.get("/api/v1/knowledge_base/documents", { limit: 20 }, signal);
export const deleteSession = (id: string): Promise<null> => api.remove(at(id));

export async function readMessages(sessionId: string, signal: AbortSignal): Promise<Message[]> {
  const messages: Message[] = [];
  let cursor: string | null = null;
  for (let page = 0; page < PAGES; page += 1) {
    const answer: Page<Message> = await api.get(`${at(sessionId)}/messages`, { limit: PAGE, cursor }, signal);
    messages.push(...answer.items);
    cursor = answer.next_cursor;
    if (cursor === null) break;
  }
  return messages;
}

/** `key` is the request's idempotency key: the same key never posts twice. */
export const postMessage = (sessionId: string, content: string, key: string): Promise<Accepted> =>
  api.post(`${at(sessionId)}/messages`, { content }, { idempotencyKey: key });
export const editMessage = (sessionId: string, messageId: string, content: string): Promise<Accepted> =>
  api.post(`${at(sessionId)}/messages/${encodeURIComponent(messageId)}/edit`, { content });
export const regenerate = (sessionId: string, messageId: string): Promise<Accepted> =>
  api.post(`${at(sessionId)}/messages/${encodeURIComponent(messageId)}/regenerate`, {});
export const selectBranch = (sessionId: string, messageId: string): Promise<Session> => api.post(`${at(sessionId)}/branch`, { message_id: messageId });

export const readRun = (id: string, signal: AbortSignal): Promise<Run> => api.get(`${BASE}/runs/${encodeURIComponent(id)}`, {}, signal);
export const stopRun = (id: string): Promise<unknown> => api.post(`${BASE}/runs/${encodeURIComponent(id)}/stop`, {});

/** Followed by the browser itself, as a download. */
export const exportAddress = (sessionId: string, format: "json" | "markdown"): string => api.address(`${at(sessionId)}/export`, { format });
