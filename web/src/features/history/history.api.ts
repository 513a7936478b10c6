import type { Density, DifferencePage, Message, Page, PastPage, ReadModels, Session } from "@/contracts/api";
import { api } from "@/shared/http";

const BASE = "/api/v1/system";
const CHATS = "/api/v1/chat/sessions";
const model = (name: string): string => `${BASE}/read-models/${encodeURIComponent(name)}`;

/** Parts of the strip: enough for a wide screen, and one search of the store each. */
export const BUCKETS = 120;

export const readDensity = (signal?: AbortSignal): Promise<Density> => api.get(`${BASE}/density`, { buckets: BUCKETS }, signal);
export const listReadModels = (signal?: AbortSignal): Promise<ReadModels> => api.get(`${BASE}/read-models`, {}, signal);
export const readPast = (name: string, position: number, signal?: AbortSignal): Promise<PastPage> => api.get(model(name), { position, limit: 200 }, signal);
export const readDifference = (name: string, position: number, to: number, signal?: AbortSignal): Promise<DifferencePage> =>
  api.get(`${model(name)}/difference`, { position, to_position: to, limit: 200 }, signal);
export const chatsThen = (position: number, signal?: AbortSignal): Promise<Page<Session>> => api.get(CHATS, { position, limit: 200 }, signal);

/** A branch of more pages is not a conversation any more. */
const PAGES = 50;

export async function messagesThen(id: string, position: number, signal: AbortSignal): Promise<Message[]> {
  const messages: Message[] = [];
  let cursor: string | null = null;
  for (let page = 0; page < PAGES; page += 1) {
    const answer: Page<Message> = await api.get(`${CHATS}/${encodeURIComponent(id)}/messages`, { position, limit: 200, cursor }, signal);
    messages.push(...answer.items);
    cursor = answer.next_cursor;
    if (cursor === null) break;
  }
  return messages;
}
