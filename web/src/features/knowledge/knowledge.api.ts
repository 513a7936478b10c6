import type { AcceptedDocument, Collection, DocumentText, KnowledgeDocument, Occurrences, Page, SearchAnswer, SearchQuestion, CollectionImport, TextStretch } from "@/contracts/api";
import { api, type Tagged } from "@/shared/http";
import type { DocumentFilter, Labels, Permissions } from "./knowledge.state";

const BASE = "/api/v1/knowledge_base";
const one = (id: string): string => `${BASE}/documents/${encodeURIComponent(id)}`;
const place = (id: string): string => `${BASE}/collections/${encodeURIComponent(id)}`;
/** The largest file that is taken, over the slowest line that is worth waiting for. */
const UPLOAD_MS = 15 * 60_000;

/** Documents, the newest first. */
export const listDocuments = (filter: DocumentFilter, cursor: string | null, signal?: AbortSignal): Promise<Page<KnowledgeDocument>> => api.get(`${BASE}/documents`, { ...filter, cursor, limit: 50 }, signal);
export const readDocument = (id: string, signal?: AbortSignal): Promise<KnowledgeDocument> => api.get(one(id), {}, signal);
/** Code points from `start` of what was read from a document. */
export const readText = (id: string, stretch: { version: number | null; start: number; length: number }, signal?: AbortSignal): Promise<DocumentText> => api.get(`${one(id)}/text`, stretch, signal);
/** Where a page (from 1) or a passage (from 1 on the screen, from 0 on the wire) lies. */
export const readPlace = (id: string, version: number, kind: "page" | "passage", number: number, signal?: AbortSignal): Promise<TextStretch> => api.get(`${one(id)}/place`, { version, [kind]: kind === "page" ? number : number - 1 }, signal);
/** Places of words: from a place in the text on, or from the place with a number on. */
export const findIn = (id: string, asked: { version: number; q: string; start?: number; skip?: number; limit: number }, signal?: AbortSignal): Promise<Occurrences> => api.get(`${one(id)}/occurrences`, asked, signal);
export const originalOf = (id: string): string => api.address(`${one(id)}/original`);
export function uploadFile(file: File, collection: string | null, idempotencyKey: string, signal: AbortSignal): Promise<AcceptedDocument> {
  const form = new FormData();
  if (collection !== null) form.set("collection", collection);
  form.set("file", file, file.name);
  return api.send(`${BASE}/documents`, form, { idempotencyKey, signal, timeoutMs: UPLOAD_MS });
}
export const addDocument = (given: { title?: string; text?: string; url?: string; collection?: string }): Promise<AcceptedDocument> => api.post(`${BASE}/documents`, given);
export const act = (id: string, what: "retry" | "cancel" | "reindex"): Promise<KnowledgeDocument> => api.post(`${one(id)}/${what}`, {});
/** Another title, other tags, another collection: what is not given stays. */
export const changeDocument = (id: string, given: Labels, ifMatch: string): Promise<KnowledgeDocument> => api.patch(one(id), given, { ifMatch });
export const holdDocument = (id: string, signal?: AbortSignal): Promise<Tagged<KnowledgeDocument>> => api.getTagged(one(id), signal);
export const removeDocument = (id: string, keepPast: boolean, ifMatch: string): Promise<null> => api.remove(one(id), { query: { keep_past: keepPast }, ifMatch });

export const createCollection = (given: Permissions): Promise<Collection> => api.post(`${BASE}/collections`, given);
export const holdCollection = (id: string, signal?: AbortSignal): Promise<Tagged<Collection>> => api.getTagged(place(id), signal);
export const changeCollection = (id: string, given: Permissions, ifMatch: string): Promise<Collection> => api.patch(place(id), given, { ifMatch });
export const removeCollection = (id: string, ifMatch: string): Promise<null> => api.remove(place(id), { ifMatch });
export const searchKnowledge = (question: SearchQuestion, signal?: AbortSignal): Promise<SearchAnswer> => api.post(`${BASE}/search`, question, signal ? { signal } : {});

export const exportOf = (id: string): string => api.address(`${place(id)}/export`);
/** Sends an archive of a collection, into a collection or one of its own. */
export function sendArchive(file: File, collection: string | null, idempotencyKey: string, signal: AbortSignal): Promise<CollectionImport> {
  const form = new FormData();
  if (collection !== null) form.set("collection", collection);
  form.set("file", file, file.name);
  return api.send(`${BASE}/imports`, form, { idempotencyKey, signal, timeoutMs: UPLOAD_MS });
}
/** The newest of one's imports; null when there is none. */
export const newestImport = async (signal?: AbortSignal): Promise<CollectionImport | null> => (await api.get<Page<CollectionImport>>(`${BASE}/imports`, { limit: 1 }, signal)).items[0] ?? null;
export const cancelImport = (id: string): Promise<CollectionImport> => api.post(`${BASE}/imports/${encodeURIComponent(id)}/cancel`, {});
export const readImport = (id: string, signal?: AbortSignal): Promise<CollectionImport> => api.get(`${BASE}/imports/${encodeURIComponent(id)}`, {}, signal);
