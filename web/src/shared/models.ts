import type { Model, Page } from "@/contracts/api";
import { api } from "./http";

/** The models that are known now, those that are not there with the reason. */
export const listModels = (signal?: AbortSignal): Promise<Page<Model>> => api.get("/api/v1/chat/models", {}, signal);
