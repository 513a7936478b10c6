import type { Collection, Page } from "@/contracts/api";
import { api } from "./http";

/** The collections of documents that one may read. */
export const listCollections = (signal?: AbortSignal): Promise<Page<Collection>> => api.get("/api/v1/knowledge_base/collections", { limit: 200 }, signal);
