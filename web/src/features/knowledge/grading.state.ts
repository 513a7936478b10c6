/** How well results answer a question, as a question set keeps it. Pure. */
import type { FoundPassage, QuestionSet } from "@/contracts/api";

export const GRADES = [0, 1, 2, 3] as const;
export type Grade = (typeof GRADES)[number];
export const KINDS = ["document", "passage"] as const;
export type Kind = (typeof KINDS)[number];
/** Grades by what they are of: documents, or passages. */
export type Grades = Readonly<Record<string, number>>;

/** What two questions have in common that differ in case and blanks alone. */
export const sameWords = (query: string): string => query.toLowerCase().split(/\s+/).filter(Boolean).join(" ");

/** What a set says of a question already. */
export const gradesIn = (set: QuestionSet | null | undefined, query: string): Grades => set?.questions.find((one) => sameWords(one.query) === sameWords(query))?.relevant ?? {};

/** Whether documents or passages are graded for a question: not both. Null while nothing is. */
export function gradedKind(grades: Grades): Kind | null {
  const [first] = Object.keys(grades);
  return first === undefined ? null : /^[^.]+\.\d+\.\d+$/.test(first) ? "passage" : "document";
}

export const answerOf = (item: FoundPassage, kind: Kind): string => (kind === "passage" ? item.passage_id : item.document_id);

/** The grade that a key gives: its digit, or Y for what answers fully. */
export function gradeOfKey(key: string): Grade | null {
  if (key.toLowerCase() === "y") return 3;
  return GRADES.find((one) => String(one) === key) ?? null;
}

/** Whether a set takes these: a question needs something that answers it. */
export const canBeKept = (grades: Grades): boolean => Object.values(grades).some((one) => one > 0);
