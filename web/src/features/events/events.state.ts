/** The log on the screen: filters as the address holds them, and the live tail joined to what was read. Pure. */
import type { StoredEvent } from "@/contracts/api";

export interface Filters {
  readonly type: string;
  readonly stream: string;
  readonly correlation: string;
  /** As a `datetime-local` field writes it: local time without zone. */
  readonly since: string;
  readonly until: string;
}

export const noFilters: Filters = { type: "", stream: "", correlation: "", since: "", until: "" };

type AddressQuery = Record<string, unknown>;

const one = (value: unknown): string => (typeof value === "string" ? value : "");

export const filtersOf = (query: AddressQuery): Filters => ({
  type: one(query.type),
  stream: one(query.stream),
  correlation: one(query.correlation),
  since: one(query.since),
  until: one(query.until),
});

/** The filters as an address keeps them: only those that are set. */
export const addressOf = (filters: Filters): Record<string, string> => Object.fromEntries(Object.entries(filters).filter(([, value]) => value !== ""));

export const isFiltered = (filters: Filters): boolean => Object.keys(addressOf(filters)).length > 0;

/** A type that is not written to its end, such as `autobot.chat`, stands for all that begin with it. */
export function typePattern(typed: string): string {
  const text = typed.trim();
  return text === "" || text.endsWith("*") || /\.v\d+$/.test(text) ? text : `${text}*`;
}

const instant = (local: string): string | undefined => {
  const at = new Date(local);
  return local === "" || Number.isNaN(at.getTime()) ? undefined : at.toISOString();
};

/** The filters as the server takes them. */
export function queryOf(filters: Filters): Record<string, string> {
  const query = { type: typePattern(filters.type), stream: filters.stream.trim(), correlation_id: filters.correlation.trim(), since: instant(filters.since), until: instant(filters.until) };
  return Object.fromEntries(Object.entries(query).filter((entry): entry is [string, string] => entry[1] !== undefined && entry[1] !== ""));
}

/** Whether an event of the live tail belongs to what is shown. */
export function wants(filters: Filters, event: StoredEvent): boolean {
  const pattern = typePattern(filters.type);
  const typeFits = pattern === "" || (pattern.endsWith("*") ? event.type.startsWith(pattern.slice(0, -1)) : event.type === pattern);
  const { since, until } = queryOf(filters);
  return (
    typeFits &&
    (filters.stream.trim() === "" || event.stream === filters.stream.trim()) &&
    (filters.correlation.trim() === "" || event.correlationid === filters.correlation.trim()) &&
    (since === undefined || event.time >= since) &&
    (until === undefined || event.time <= until)
  );
}

/** Newest first, each position once. */
export function joined(known: readonly StoredEvent[], more: readonly StoredEvent[], limit: number): readonly StoredEvent[] {
  const byPosition = new Map(known.map((event) => [event.position, event]));
  for (const event of more) byPosition.set(event.position, event);
  return [...byPosition.values()].sort((a, b) => b.position - a.position).slice(0, limit);
}

/** `autobot.chat.message_posted.v1` as its parts: what names the context, and what happened. */
export function typeParts(type: string): { context: string; fact: string } {
  const parts = /^autobot\.([^.]+)\.(.+)$/.exec(type);
  return { context: parts?.[1] ?? "", fact: parts?.[2] ?? type };
}
