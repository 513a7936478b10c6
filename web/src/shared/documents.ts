import type { KnowledgeDocument } from "@/contracts/api";

/** Whether searches and answers cannot know a document yet: a first version of it is being read, or will be. */
export const isUnread = ({ status, ready_version: found }: Pick<KnowledgeDocument, "status" | "ready_version">): boolean => found === null && status !== "failed" && status !== "cancelled";
