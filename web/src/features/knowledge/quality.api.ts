import type { GradedQuestion, LoggedQuery, Measurement, MeasurementDetail, Page, QuestionSet, QuestionSetSummary, SearchQuestion } from "@/contracts/api";
import { api, type Tagged } from "@/shared/http";

const BASE = "/api/v1/knowledge_base";
/** The largest set over a slow line. */
const UPLOAD_MS = 5 * 60_000;
const sets = (collection: string): string => `${BASE}/collections/${encodeURIComponent(collection)}/question_sets`;
const one = (collection: string, set: string): string => `${sets(collection)}/${encodeURIComponent(set)}`;
const runs = (collection: string, set: string): string => `${one(collection, set)}/measurements`;

export const listSets = (collection: string, signal?: AbortSignal): Promise<Page<QuestionSetSummary>> => api.get(sets(collection), { limit: 200 }, signal);
export const readSet = (collection: string, set: string, signal?: AbortSignal): Promise<QuestionSet> => api.get(one(collection, set), {}, signal);
export const createSet = (collection: string, name: string): Promise<QuestionSetSummary> => api.post(sets(collection), { name });
/** Makes a set of a file of JSON Lines, or of TREC's judgements with their topics. */
export function sendSet(collection: string, given: { name: string; form: "jsonl" | "qrels"; file: File; topics: File | null }): Promise<QuestionSetSummary> {
  const form = new FormData();
  form.set("name", given.name);
  form.set("form", given.form);
  form.set("file", given.file, given.file.name);
  if (given.topics !== null) form.set("topics", given.topics, given.topics.name);
  return api.send(`${BASE}/collections/${encodeURIComponent(collection)}/question_set_files`, form, { timeoutMs: UPLOAD_MS });
}
export const holdSet = (collection: string, set: string, signal?: AbortSignal): Promise<Tagged<QuestionSet>> => api.getTagged(one(collection, set), signal);
/** Gives a set another name; its questions stay as they are in `now`. */
export const renameSet = (collection: string, now: QuestionSet, name: string, ifMatch: string): Promise<QuestionSetSummary> =>
  api.put(one(collection, now.id), { name, questions: now.questions.map(({ id, query, relevant }) => ({ id, query, relevant })) }, { ifMatch });
export const removeSet = (collection: string, set: string, ifMatch: string): Promise<null> => api.remove(one(collection, set), { ifMatch });
export const FORMS = ["jsonl", "qrels", "topics"] as const;
export const fileOf = (collection: string, set: string, form: (typeof FORMS)[number]): string => api.address(`${one(collection, set)}/file`, { form });
/** Says of a question how well documents, or passages, answer it. */
export const gradeAnswers = (collection: string, set: string, query: string, relevant: Readonly<Record<string, number>>): Promise<QuestionSetSummary> => api.post(`${one(collection, set)}/questions`, { query, relevant });
const asked = (collection: string, set: string, question: string): string => `${one(collection, set)}/questions/${encodeURIComponent(question)}`;
export const holdQuestion = (collection: string, set: string, question: string, signal?: AbortSignal): Promise<Tagged<GradedQuestion>> => api.getTagged(asked(collection, set, question), signal);
export const removeQuestion = (collection: string, set: string, question: string, ifMatch: string): Promise<null> => api.remove(asked(collection, set, question), { ifMatch });

export const listMeasurements = (collection: string, set: string, signal?: AbortSignal): Promise<Page<Measurement>> => api.get(runs(collection, set), { limit: 50 }, signal);
export const readMeasurement = (collection: string, set: string, id: string, signal?: AbortSignal): Promise<MeasurementDetail> => api.get(`${runs(collection, set)}/${encodeURIComponent(id)}`, {}, signal);
export const measure = (collection: string, set: string, how: Pick<SearchQuestion, "mode" | "rerank">): Promise<Measurement> => api.post(runs(collection, set), how);
export const stopMeasuring = (collection: string, set: string, id: string): Promise<Measurement> => api.post(`${runs(collection, set)}/${encodeURIComponent(id)}/cancel`, {});

export const listQueries = (whose: "own" | "all", which: "poor" | "all", cursor: string | null, signal?: AbortSignal): Promise<Page<LoggedQuery>> => api.get(`${BASE}/queries${whose === "all" ? "/all" : ""}`, { which, cursor, limit: 20 }, signal);
export const forgetQueries = (): Promise<{ forgotten: number; more: boolean }> => api.remove(`${BASE}/queries`);
