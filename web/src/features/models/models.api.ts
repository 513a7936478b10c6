import type { AcceleratorList, ModelOverview, ModelUsage } from "@/contracts/api";
import { api } from "@/shared/http";
import type { By, Span } from "./models.state";

const BASE = "/api/v1/models";
export const readOverview = (signal?: AbortSignal): Promise<ModelOverview> => api.get(`${BASE}/overview`, {}, signal);
export const listAccelerators = (signal?: AbortSignal): Promise<AcceleratorList> => api.get(`${BASE}/accelerators`, {}, signal);
export const readUsage = (by: By, { from, to }: Span, signal?: AbortSignal): Promise<ModelUsage> => api.get(`${BASE}/usage`, { by, from, to }, signal);
