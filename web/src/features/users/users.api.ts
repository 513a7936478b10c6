import type { ApiKey, Info, NewKey, NewUser, Page, Role, SignInLink, User } from "@/contracts/api";
import { api } from "@/shared/http";

const BASE = "/api/v1/auth";

export const addUser = (user: { username: string; role: Role; password?: string }): Promise<NewUser> => api.post(`${BASE}/users`, user);
export const changeUser = (id: string, change: { role?: Role; suspended?: boolean }): Promise<User> => api.patch(`${BASE}/users/${encodeURIComponent(id)}`, change);
export const removeUser = (id: string, graceDays: number): Promise<null> => api.remove(`${BASE}/users/${encodeURIComponent(id)}?grace_days=${graceDays}`);
export const makeLink = (id: string): Promise<SignInLink> => api.post(`${BASE}/users/${encodeURIComponent(id)}/link`, {});

export const listKeys = (signal?: AbortSignal): Promise<Page<ApiKey>> => api.get(`${BASE}/keys`, { limit: 200 }, signal);
export const addKey = (key: { name: string; scopes: string[]; expires_at?: string }): Promise<NewKey> => api.post(`${BASE}/keys`, key);
export const revokeKey = (id: string): Promise<null> => api.remove(`${BASE}/keys/${encodeURIComponent(id)}`);

export const readInfo = (signal?: AbortSignal): Promise<Info> => api.get("/api/v1/system/info", {}, signal);

export const setPassword = (current: string | null, next: string): Promise<null> => api.post(`${BASE}/password`, current === null ? { new: next } : { current, new: next });
