import type { RoleList } from "@/contracts/api";
import { api } from "@/shared/http";

const BASE = "/api/v1/system/roles";

export const listRoles = (signal?: AbortSignal): Promise<RoleList> => api.get(BASE, {}, signal);
export const drainRole = (id: string, reason: string): Promise<RoleList> => api.post(`${BASE}/${encodeURIComponent(id)}/drain`, { reason });
