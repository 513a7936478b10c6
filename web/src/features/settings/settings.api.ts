import type { Page, Setting, SettingChange } from "@/contracts/api";
import { api } from "@/shared/http";

const BASE = "/api/v1/settings";
const at = (key: string): string => `${BASE}/${encodeURIComponent(key)}`;

export const listSettings = (signal?: AbortSignal): Promise<Page<Setting>> => api.get(BASE, {}, signal);
export const storeSetting = (key: string, value: unknown): Promise<Setting> => api.put(at(key), { value });
export const resetSetting = (key: string): Promise<Setting> => api.remove(at(key));
export const readHistory = (key: string, signal?: AbortSignal): Promise<Page<SettingChange>> => api.get(`${at(key)}/history`, {}, signal);
export const revertSetting = (key: string, position: number): Promise<Setting> => api.post(`${at(key)}/revert`, { position });
