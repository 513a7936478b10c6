import type { Consumer, DeadLetter, DeadLetterCause, DeadLetterDetail, Decided, Page, Replay, ReplayPreview } from "@/contracts/api";
import { api } from "@/shared/http";
import type { Selection } from "./messaging.state";

const BASE = "/api/v1/messaging";
const at = (id: string): string => `${BASE}/dead-letters/${encodeURIComponent(id)}`;
const group = (name: string): string => `${BASE}/consumers/${encodeURIComponent(name)}`;

export const listLetters = (selection: Selection, cursor: string | null, signal?: AbortSignal): Promise<Page<DeadLetter>> => api.get(`${BASE}/dead-letters`, { ...selection, cursor, limit: 100 }, signal);
export const listCauses = (signal?: AbortSignal): Promise<Page<DeadLetterCause>> => api.get(`${BASE}/dead-letters/groups`, {}, signal);
export const readLetter = (id: string, signal?: AbortSignal): Promise<DeadLetterDetail> => api.get(at(id), {}, signal);
export const replayLetter = (id: string): Promise<Decided> => api.post(`${at(id)}/replay`, undefined);
export const discardLetter = (id: string, reason: string): Promise<Decided> => api.post(`${at(id)}/discard`, { reason });
export const editLetter = (id: string, data: unknown, reason: string): Promise<Decided> => api.post(`${at(id)}/edit`, { data, reason });

export interface ReplayOrder extends Selection {
  per_second: number;
  stop_at_percent: number;
}
export const previewReplay = (selection: Selection): Promise<ReplayPreview> => api.post(`${BASE}/dead-letters/replay`, { ...selection, dry_run: true });
export const requestReplay = (order: ReplayOrder): Promise<Replay> => api.post(`${BASE}/dead-letters/replay`, order);
export const listReplays = (signal?: AbortSignal): Promise<Page<Replay>> => api.get(`${BASE}/replays`, { limit: 5 }, signal);
export const stopReplay = (id: string): Promise<Replay> => api.post(`${BASE}/replays/${encodeURIComponent(id)}/stop`, undefined);

export const listConsumers = (signal?: AbortSignal): Promise<Page<Consumer>> => api.get(`${BASE}/consumers`, {}, signal);
export const pauseConsumer = (name: string, reason: string): Promise<Consumer> => api.post(`${group(name)}/pause`, { reason });
export const resumeConsumer = (name: string, reason: string): Promise<Consumer> => api.post(`${group(name)}/resume`, { reason });
