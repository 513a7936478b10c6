/** A test of retrieval: what is asked, and the scores of each stage as bars. Pure. */
import type { FoundPassage, LoggedQuery, SearchQuestion, Took } from "@/contracts/api";

export const MODES = ["hybrid", "lexical", "vector"] as const;
export const GROUPS = ["passage", "document"] as const;
export const LIMITS = [5, 10, 20, 50] as const;
/** Whether a model puts the best in order anew: as the settings say, yes, no. */
export const RERANKS = ["usual", "yes", "no"] as const;
export type Rerank = (typeof RERANKS)[number];
export const rerankOf = (word: unknown): boolean | null => (word === "yes" ? true : word === "no" ? false : null);
export const rerankWord = (rerank: boolean | null): Rerank => (rerank === null ? "usual" : rerank ? "yes" : "no");
export const STAGES = ["lexical", "vector", "feedback", "fused", "rerank"] as const;
export type Stage = (typeof STAGES)[number];

/** The question that an address holds; null without words. */
export function questionOf(query: Readonly<Record<string, unknown>>): SearchQuestion | null {
  const text = typeof query["q"] === "string" ? query["q"].trim() : "";
  if (text === "") return null;
  return {
    query: text,
    mode: MODES.find((one) => one === query["mode"]) ?? "hybrid",
    group: GROUPS.find((one) => one === query["group"]) ?? "passage",
    limit: LIMITS.find((one) => String(one) === query["limit"]) ?? 10,
    collection: typeof query["collection"] === "string" && query["collection"] !== "" ? query["collection"] : null,
    rerank: rerankOf(query["rerank"]),
  };
}

/** The query of an address for a question; what is as usual is left out. */
export function addressOf({ query, mode, group, limit, collection, rerank }: SearchQuestion): Record<string, string> {
  return {
    q: query,
    ...(mode === "hybrid" ? {} : { mode }),
    ...(group === "passage" ? {} : { group }),
    ...(limit === 10 ? {} : { limit: String(limit) }),
    ...(collection === null ? {} : { collection }),
    ...(rerank === null ? {} : { rerank: rerankWord(rerank) }),
  };
}

/** The lowest and highest score of each stage that ran, so that bars of different stages can stand side by side. */
export type Ranges = Readonly<Partial<Record<Stage, readonly [low: number, high: number]>>>;
export function rangesOf(items: readonly FoundPassage[]): Ranges {
  return Object.fromEntries(
    STAGES.flatMap((stage) => {
      const scores = items.flatMap((item) => item.stages[stage]?.score ?? []);
      // A stage whose scores begin at nought is drawn from there.
      return scores.length ? [[stage, [Math.min(0, ...scores), Math.max(...scores)] as const]] : [];
    }),
  );
}

export interface Bar {
  readonly stage: Stage;
  /** Its score there; null when that stage did not find the passage. */
  readonly score: number | null;
  readonly rank: number | null;
  /** Between 0 and 1. */
  readonly share: number;
}
/** A bar for every stage that ran. */
export function barsOf(item: FoundPassage, ranges: Ranges): Bar[] {
  return STAGES.flatMap((stage): Bar[] => {
    const range = ranges[stage];
    if (range === undefined) return [];
    const of = item.stages[stage];
    if (of === null) return [{ stage, score: null, rank: null, share: 0 }];
    const [low, high] = range;
    return [{ stage, score: of.score, rank: of.rank, share: high > low ? (of.score - low) / (high - low) : 1 }];
  });
}

/** A score with three places; the rank beside it tells scores apart that all but vanish. */
export const scoreOf = (score: number): string => (score !== 0 && Math.abs(score) < 0.0005 ? "≈ 0" : score.toFixed(3));

export const STEPS = ["embedding", "lexical", "vector", "feedback", "rerank"] as const;
export type Step = (typeof STEPS)[number] | "rest";
/** When a step of a search began and how long it took, in milliseconds. */
export interface Span {
  readonly step: Step;
  readonly from: number;
  readonly ms: number;
}
/**
 * The steps as they followed one another. Words are looked up while the question is embedded; the other steps wait for
 * both. What is left of the whole at the end is the rest: who may read what, and the texts of what is shown.
 */
export function spansOf(took: Took): Span[] {
  let at = 0;
  const spans: Span[] = [];
  for (const step of STEPS) {
    const ms = took[`${step}_ms`];
    if (ms === null) continue;
    const together = step === "lexical" && took.embedding_ms !== null;
    spans.push({ step, from: together ? 0 : at, ms });
    at = together ? Math.max(at, ms) : at + ms;
  }
  return took.total_ms > at ? [...spans, { step: "rest", from: at, ms: took.total_ms - at }] : spans;
}

/** The question that a search of the log asked; a number of results that the page does not offer becomes the usual one. */
export const askedBy = ({ query, mode, group, limit, collection, rerank }: LoggedQuery): SearchQuestion => ({ query, mode, group, limit: LIMITS.find((one) => one === limit) ?? 10, collection, rerank });
