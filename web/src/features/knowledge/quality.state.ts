/** Measurements of search: which are shown, and how two of them differ. Pure. */
import type { Measurement, MeasurementDetail, QuestionResult, QuestionSet } from "@/contracts/api";

export const FIGURES = ["ndcg_10", "recall_10", "recall_100", "mrr_10"] as const;
export type Figure = (typeof FIGURES)[number];

export const goesOn = (one: Measurement): boolean => one.ended_at === null;

/** The place of the page: a collection, a set of it, the measurement that is shown and the one beside it. */
export interface Place {
  readonly collection: string | null;
  readonly set: string | null;
  readonly run: string | null;
  readonly beside: string | null;
}
const text = (value: unknown): string | null => (typeof value === "string" && value !== "" ? value : null);
export const placeOf = (query: Readonly<Record<string, unknown>>): Place => ({ collection: text(query["collection"]), set: text(query["set"]), run: text(query["run"]), beside: text(query["beside"]) });
export const queryOf = (place: Place): Record<string, string> => Object.fromEntries(Object.entries(place).filter((entry): entry is [string, string] => entry[1] !== null));

/** The measurement that is shown when none is chosen: the newest with figures. */
export const newest = (runs: readonly Measurement[]): Measurement | null => runs.find((one) => one.figures !== null) ?? null;

const PICTURED = 24;
/** The measurements of a picture: the newest of those with figures, the oldest of them first. */
export const pictured = (runs: readonly Measurement[]): Measured[] => runs.filter((one): one is Measured => one.figures !== null).slice(0, PICTURED).reverse();
export type Measured = Measurement & { readonly figures: NonNullable<Measurement["figures"]> };

export interface Row {
  readonly id: string;
  readonly query: string;
  readonly result: QuestionResult | null;
  readonly before: QuestionResult | null;
}
/** The questions of a set with their results in one measurement and another, those that fail most first. */
export function rowsOf(set: QuestionSet, shown: MeasurementDetail | null, beside: MeasurementDetail | null): Row[] {
  const by = (one: MeasurementDetail | null): Map<string, QuestionResult> => new Map((one?.questions ?? []).map((each) => [each.question, each]));
  const [now, before] = [by(shown), by(beside)];
  const rows = set.questions.map(({ id, query }) => ({ id, query, result: now.get(id) ?? null, before: before.get(id) ?? null }));
  return rows.sort((one, other) => (one.result?.ndcg_10 ?? 2) - (other.result?.ndcg_10 ?? 2));
}

/** How a figure changed: `+0.12`; nothing where there is nothing to compare. */
export function changeOf(now: number | null | undefined, before: number | null | undefined): string {
  if (now == null || before == null) return "";
  const change = now - before;
  return Math.abs(change) < 0.0005 ? "±0" : `${change > 0 ? "+" : "−"}${Math.abs(change).toFixed(3)}`;
}

export type SetPart = "jsonl" | "qrels" | "topics";
/** What a file of a question set is, by its first line that says something; null for one that is none of them. */
export function partOf(head: string): SetPart | null {
  const line = head.split(/\r?\n/).find((one) => one.trim() !== "") ?? "";
  if (line.trimStart().startsWith("{")) return "jsonl";
  if (/^\s*\S+\s+\S+\s+\S+\s+-?\d+\s*$/.test(line)) return "qrels";
  return /^\s*\S+\t\s*\S/.test(line) ? "topics" : null;
}
