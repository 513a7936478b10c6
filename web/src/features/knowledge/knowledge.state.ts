/** Documents on the screen: how far each is, and the passage in a text. Pure. */
import type { Collection, KnowledgeDocument } from "@/contracts/api";
import type { ProgressFrame } from "@/contracts/realtime";

export type Status = KnowledgeDocument["status"];
/** What `list` narrows by; null for no wish. */
export interface DocumentFilter {
  readonly collection: string | null;
  readonly state: State | null;
  readonly q: string | null;
}
export const STATES = ["queued", "ready", "failed", "cancelled"] as const;
export type State = (typeof STATES)[number];
export type Permissions = Pick<Collection, "name" | "everybody" | "readers" | "writers">;
export const permissionsOf = ({ name, everybody, readers, writers }: Collection): Permissions => ({ name, everybody, readers: [...readers], writers: [...writers] });

/** A filter from the query of an address. */
export function filterOf(query: Readonly<Record<string, unknown>>): DocumentFilter {
  const text = (name: string): string | null => (typeof query[name] === "string" && query[name] !== "" ? (query[name] as string) : null);
  return { collection: text("collection"), state: STATES.find((one) => one === query["state"]) ?? null, q: text("q") };
}
export const isFiltered = ({ state, q }: DocumentFilter): boolean => state !== null || q !== null;

/** Whether something is being done with a document, or will be. */
export const isUnderWay = ({ status }: KnowledgeDocument): boolean => !["ready", "failed", "cancelled"].includes(status);

/** How far a step is, between 0 and 1; null while that cannot be told. */
export function shareOf({ progress }: KnowledgeDocument): number | null {
  return progress.total > 0 ? Math.min(1, progress.done / progress.total) : null;
}

/** Lists are read seldom while news come by themselves; without, often as long as work goes on. */
export const pollOf = (documents: readonly KnowledgeDocument[] | undefined, live: boolean): number => (!documents?.some(isUnderWay) ? 5_000 : live ? 4_000 : 800);

/** Documents that are followed at once: those whose turn it is soonest. */
const FOLLOWED = 40;
/** The documents to follow: of those that are under way the ones that come first. */
export function followedOf(documents: readonly KnowledgeDocument[]): string[] {
  const place = ({ progress }: KnowledgeDocument): number => progress.position ?? -1;
  return documents
    .filter(isUnderWay)
    .sort((one, other) => place(one) - place(other))
    .slice(0, FOLLOWED)
    .map(({ id }) => id)
    .sort();
}

/** A document with what was told of it since it was read. What is said of another version, or after its end, is old. */
export function advanced(document: KnowledgeDocument, told: ProgressFrame | undefined): KnowledgeDocument {
  if (told === undefined || told.version !== document.version || !isUnderWay(document)) return document;
  const { status, done, total, unit } = told;
  return { ...document, status: status as Status, progress: { ...document.progress, status: status as Status, done, total, unit, position: null } };
}

/** What kind of thing a document is, in a word: by its name, else by what it was found to be. */
export function kindOf({ filename, media_type: type, source }: KnowledgeDocument): string {
  if (source === "text") return "text";
  const end = /\.([a-z0-9]{1,8})$/i.exec(filename)?.[1];
  if (end) return end.toLowerCase();
  return type.split(";")[0]?.split("/").pop() || source;
}

/** How the text of a document is written: prose, prose whose headings are marked, or lines that keep their columns. */
export type Script = "prose" | "marked" | "lines";
const PROSE = ["text/plain", "text/html", "application/pdf", "application/vnd", "application/octet"];
export function scriptOf({ filename, media_type: type, source }: Pick<KnowledgeDocument, "filename" | "media_type" | "source">): Script {
  // What people paste has its headings marked, if it has any.
  if (type.startsWith("text/markdown") || source === "text") return "marked";
  if (type.startsWith("text/plain")) return /\.(txt|text|log)$/i.test(filename) || !filename.includes(".") ? "prose" : "lines";
  return type === "" || PROSE.some((prefix) => type.startsWith(prefix)) ? "prose" : "lines";
}

/** A line of a text, or several that are no heading. */
export interface Piece {
  readonly text: string;
  readonly heading: boolean;
}
/** Cuts a marked text at its headings (`# …` to `###### …`, CommonMark 4.2). Nothing is added or left out, so that places stay true. `begun` is what stands before it in its first line. */
export function piecesOf(text: string, begun = ""): Piece[] {
  const pieces: Piece[] = [];
  for (const [index, line] of text.split(/(?<=\n)/).entries()) {
    const heading = /^ {0,3}#{1,6}[ \t]/.test(index === 0 ? begun + line : line);
    const last = pieces.at(-1);
    if (last !== undefined && !last.heading && !heading) pieces[pieces.length - 1] = { text: last.text + line, heading };
    else pieces.push({ text: line, heading });
  }
  return pieces;
}

/** Whither a document leads back, by what the router keeps of the page before: a chat, or results of a search; null for the list. */
export function backOf(state: unknown, labels: { readonly chat: string; readonly search: string }): { readonly path: string; readonly label: string } | null {
  const path: unknown = state !== null && typeof state === "object" && "back" in state ? state.back : null;
  if (typeof path !== "string") return null;
  if (path.startsWith("/chat/")) return { path, label: labels.chat };
  return path.startsWith("/knowledge/search") ? { path, label: labels.search } : null;
}

/** What a person says of a document. */
export interface Labels {
  readonly title: string;
  readonly tags: readonly string[];
  readonly collection: string;
}
/** What a person sees of a document who is about to delete it: its labels, and what it says. */
export const shownOf = (document: KnowledgeDocument): Labels & { readonly version: number } => ({ ...labelsOf(document), version: document.version });
export const labelsOf = ({ title, tags, collection }: KnowledgeDocument): Labels => ({ title, tags: [...tags], collection });
