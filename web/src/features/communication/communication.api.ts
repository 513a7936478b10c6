import type { BreakerAction, Health, Link, LinkChange, LinkPatch, Page, RoleList } from "@/contracts/api";
import { api } from "@/shared/http";

const at = (id: string): string => `/api/v1/system/links/${encodeURIComponent(id)}`;

export const listLinks = (signal?: AbortSignal): Promise<Page<Link>> => api.get("/api/v1/system/links", { limit: 200 }, signal);
export const changePolicy = (id: string, patch: LinkPatch): Promise<Link> => api.patch(at(id), patch);
export const readHistory = (id: string, signal?: AbortSignal): Promise<Page<LinkChange>> => api.get(`${at(id)}/history`, {}, signal);
export const revertPolicy = (id: string, position: number | "shipped", reason: string): Promise<Link> => api.post(`${at(id)}/revert`, { position, reason });

/** The processes behind rows between roles. */
export const listProcesses = (signal?: AbortSignal): Promise<RoleList> => api.get("/api/v1/system/roles", {}, signal);

export const readHealth = (signal?: AbortSignal): Promise<Health> => api.get("/api/v1/system/health", {}, signal);
/** Followed by the browser itself, as a download. */
export const diagnosticsAddress = (): string => api.address("/api/v1/system/diagnostics");

export interface BreakerOrder {
  action: BreakerAction;
  reason: string;
  target?: string;
  seconds?: number;
}
export const controlBreaker = (id: string, order: BreakerOrder): Promise<Link> => api.post(`${at(id)}/breaker`, order);
