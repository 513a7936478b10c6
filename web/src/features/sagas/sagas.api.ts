import type { Page, Saga, SagaDetail } from "@/contracts/api";
import { api } from "@/shared/http";

const BASE = "/api/v1/sagas";
export type Group = "open" | "stuck" | "ended";
export type Decision = "stop" | "retry" | "settle";

/** Sagas, the newest first. */
export const listSagas = (group: Group | null, cursor: string | null, signal?: AbortSignal): Promise<Page<Saga>> =>
  api.get(BASE, { ...(group === null ? {} : { group }), cursor, limit: 50 }, signal);
export const readSaga = (id: string, signal?: AbortSignal): Promise<SagaDetail> => api.get(`${BASE}/${encodeURIComponent(id)}`, {}, signal);
export const decide = (id: string, decision: Decision, reason: string): Promise<SagaDetail> => api.post(`${BASE}/${encodeURIComponent(id)}/${decision}`, { reason });
