import type { KnowledgeDocument } from "@/contracts/api";
import { t } from "@/shared/catalogue";
import type { Tone } from "@/shared/ui/tone";
import { kindOf, scriptOf } from "./knowledge.state";

export interface Look {
  readonly tone: Tone;
  readonly label: string;
  /** What is being done just now, or what it waits for. */
  readonly detail: string | null;
}

/** A document's state in words. */
export function lookOf({ status, progress, words_only: wordsOnly }: KnowledgeDocument): Look {
  const label = t.knowledge.statuses[status];
  const counted = progress.total > 0 ? t.knowledge.progress(progress.done, progress.total, progress.unit) : null;
  switch (status) {
    case "queued":
      return { tone: "idle", label, detail: progress.position === null ? t.knowledge.waits : t.knowledge.before(progress.position) };
    case "ready":
      return wordsOnly ? { tone: "warn", label: t.knowledge.wordsOnly, detail: null } : { tone: "good", label, detail: null };
    case "failed":
      return { tone: "bad", label, detail: null };
    case "cancelled":
      return { tone: "idle", label, detail: null };
    default:
      return { tone: "note", label, detail: counted };
  }
}

const icons: Readonly<Record<string, string>> = { text: "i-lucide-notebook-pen", csv: "i-lucide-table", tsv: "i-lucide-table", html: "i-lucide-globe", htm: "i-lucide-globe", url: "i-lucide-globe" };
/** A sign for what a document is. */
export const iconOf = (document: KnowledgeDocument): string => icons[kindOf(document)] ?? (scriptOf(document) === "lines" ? "i-lucide-file-code" : "i-lucide-file-text");
