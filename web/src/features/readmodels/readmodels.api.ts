import type { Page, ReadModelAct, ReadModelChange, ReadModels, SkippedEvent } from "@/contracts/api";
import { api } from "@/shared/http";

const BASE = "/api/v1/system/read-models";
const of = (name: string): string => `${BASE}/${encodeURIComponent(name)}`;

export const listReadModels = (signal?: AbortSignal): Promise<ReadModels> => api.get(BASE, {}, signal);
export const listChanges = (name: string, signal?: AbortSignal): Promise<Page<ReadModelChange>> => api.get(`${of(name)}/changes`, { limit: 5 }, signal);
export const listSkipped = (name: string, cursor: string | null, signal?: AbortSignal): Promise<Page<SkippedEvent>> => api.get(`${of(name)}/skipped`, { limit: 50, cursor }, signal);
export const changeReadModel = (name: string, act: ReadModelAct, reason: string): Promise<ReadModelChange> => api.post(`${of(name)}/${act.replace("_", "-")}`, { reason });
