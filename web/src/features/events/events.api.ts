import type { EventRead, Page, StoredEvent } from "@/contracts/api";
import { api } from "@/shared/http";

const BASE = "/api/v1/system/events";

export interface EventQuery {
  type?: string;
  stream?: string;
  correlation_id?: string;
  since?: string;
  until?: string;
}

/** The log, newest first. */
export const listEvents = (query: EventQuery, cursor: string | null, signal?: AbortSignal): Promise<Page<StoredEvent>> => api.get(BASE, { ...query, cursor, limit: 100 }, signal);

/** The one event at a log position; null when there is none. */
export async function readEvent(position: number, signal?: AbortSignal): Promise<StoredEvent | null> {
  const page: Page<StoredEvent> = await api.get(BASE, { after: position - 1, limit: 1 }, signal);
  const event = page.items[0];
  return event?.position === position ? event : null;
}

/** An event as this version reads it: one of an older type is brought up to date. */
export const readToday = (position: number, signal?: AbortSignal): Promise<EventRead> => api.get(`${BASE}/${position}/today`, {}, signal);
