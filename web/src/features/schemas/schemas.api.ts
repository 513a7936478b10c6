import type { Page, SchemaSummary, SchemaType } from "@/contracts/api";
import { api } from "@/shared/http";

const BASE = "/api/v1/messaging/schemas";
const PAGE = 200;

/** Every type of message, by name. */
export async function listSchemas(signal?: AbortSignal): Promise<SchemaSummary[]> {
  const found: SchemaSummary[] = [];
  let cursor: string | null = null;
  do {
    const page: Page<SchemaSummary> = await api.get(BASE, { limit: PAGE, cursor }, signal);
    found.push(...page.items);
    cursor = page.next_cursor;
  } while (cursor !== null);
  return found;
}

/** One type with all its versions, newest first. */
export const readSchema = (type: string, signal?: AbortSignal): Promise<SchemaType> => api.get(`${BASE}/${encodeURIComponent(type)}`, {}, signal);
