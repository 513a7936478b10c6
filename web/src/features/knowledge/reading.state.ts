/** The text of a document on the screen: where the address leads, what is marked, and which stretch is read. Pure. */
import type { DocumentText, Occurrences, TextStretch } from "@/contracts/api";

export type Stretch = TextStretch;
/** Where an address leads in a text: a page or a passage by number (from 1), or code points. */
export type Aim = { readonly kind: "page" | "passage"; readonly number: number } | ({ readonly kind: "stretch" } & Stretch);
/** What the address of a document says: of which version, where, and which words are sought. */
export interface Reading {
  readonly version: number | null;
  readonly aim: Aim | null;
  readonly find: string;
}
export type Query = Readonly<Record<string, unknown>>;
export const FIND_MAX = 200;

export function readingOf(query: Query): Reading {
  const number = (name: string): number | null => (typeof query[name] === "string" && /^\d{1,9}$/.test(query[name] as string) ? Number(query[name]) : null);
  const [start, end, page, passage] = [number("start"), number("end"), number("page"), number("passage")];
  const find = typeof query["find"] === "string" ? query["find"].slice(0, FIND_MAX) : "";
  return { version: number("version") || null, aim: aimOf(start, end, page, passage), find };
}
function aimOf(start: number | null, end: number | null, page: number | null, passage: number | null): Aim | null {
  if (start !== null && end !== null) return { kind: "stretch", start, end };
  if (page) return { kind: "page", number: page };
  return passage ? { kind: "passage", number: passage } : null;
}

/** The address of a place, as the query that `readingOf` reads. */
export function queryOf({ version, aim, find }: Reading): Record<string, string | number> {
  const place: Record<string, number> = aim === null ? {} : aim.kind === "stretch" ? { start: aim.start, end: aim.end } : { [aim.kind]: aim.number };
  return { ...(version === null ? {} : { version }), ...place, ...(find.trim() === "" ? {} : { find }) };
}
export const isSameAim = (one: Aim | null, other: Aim | null): boolean => JSON.stringify(one) === JSON.stringify(other);

/** A number that somebody wrote, brought between 1 and `count`; null when it is none. */
export function numberIn(written: string, count: number): number | null {
  const text = written.trim();
  return /^\d+$/.test(text) ? Math.min(Math.max(1, Number(text)), count) : null;
}

/** A piece of a text: in the passage or not, the pages that begin with it, and the place of sought words that it belongs to. */
export interface Segment {
  readonly text: string;
  readonly marked: boolean;
  readonly pages: readonly number[];
  readonly found: number | null;
}

/** Cuts a text at the passage, at its pages and where words were found. Places count code points, as the server's do, from the text's own start. */
export function segmentsOf({ text, start, end, pages }: Pick<DocumentText, "text" | "start" | "end" | "pages">, passage: Stretch | null, found: readonly Stretch[] = []): Segment[] {
  const inside = (at: number): number => Math.min(end, Math.max(start, at)) - start;
  const from = passage ? inside(passage.start) : 0;
  const to = passage ? inside(passage.end) : 0;
  const here = found.filter((one) => one.start < end && one.end > start);
  const cuts = [...new Set([0, from, to, end - start, ...pages.map((page) => inside(page.start)), ...here.flatMap((one) => [inside(one.start), inside(one.end)])])].sort((a, b) => a - b);
  const points = Array.from(text);
  let next = 0;
  return cuts.flatMap((at, index) => {
    const until = cuts[index + 1];
    if (until === undefined) return [];
    let sought = here[next];
    while (sought !== undefined && inside(sought.end) <= at) sought = here[(next += 1)];
    return [{ text: points.slice(at, until).join(""), marked: at >= from && at < to, pages: pages.filter((page) => inside(page.start) === at).map(({ page }) => page), found: sought !== undefined && inside(sought.start) <= at ? sought.start : null }];
  });
}

/** What stands before each piece in the line that it begins in. */
export function linesBegun(segments: readonly Pick<Segment, "text">[]): string[] {
  let line = "";
  return segments.map(({ text }) => {
    const begun = line;
    const last = text.lastIndexOf("\n");
    line = last < 0 ? line + text : text.slice(last + 1);
    return begun;
  });
}

/** Code points that are read at once, and those before a place that is shown. */
export const STRETCH = 60_000;
const BEFORE = 8_000;
export const startFor = (place: Pick<Stretch, "start"> | null): number => Math.max(0, (place?.start ?? 0) - BEFORE);
/** Whether a place can be shown with what was read. */
export const holds = ({ start, end, total }: Pick<DocumentText, "start" | "end" | "total">, place: Stretch): boolean => place.start >= start && (place.end <= end || end === total);

/** Where a page lies, if what was read tells. */
export function pageIn({ pages, end, total }: Pick<DocumentText, "pages" | "end" | "total">, number: number): Stretch | null {
  const at = pages.findIndex(({ page }) => page === number);
  const begin = pages[at];
  if (begin === undefined) return null;
  const next = pages[at + 1];
  return next ? { start: begin.start, end: next.start } : end === total ? { start: begin.start, end } : null;
}

/** Two stretches of a text that follow one another, as one that begins on the first one's page. */
export const joined = (one: DocumentText, next: DocumentText): DocumentText => ({ ...one, text: one.text + next.text, end: next.end, pages: [...one.pages, ...next.pages] });

/** Places that are asked for at once. */
export const WINDOW = 200;
/** Which places to ask for so that number `wanted` is among them; null when those that are there have it. */
export function windowFor({ first, items }: Pick<Occurrences, "first" | "items">, wanted: number): number | null {
  if (wanted >= first && wanted < first + items.length) return null;
  return Math.max(0, wanted - WINDOW / 2);
}
/** The place after (`by` 1) or before (-1) number `now` of `count`, around the end. */
export const stepped = (now: number, by: 1 | -1, count: number): number => (now + by + count) % count;
