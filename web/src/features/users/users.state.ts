/** What the forms of users and keys make of what is typed. Pure. */

export const PASSWORD_MIN = 8;

/** Scopes from text: separated by spaces, commas or lines, each once. */
export function scopesOf(text: string): string[] {
  return [...new Set(text.split(/[\s,]+/).filter(Boolean))];
}

/** `*`, `context:*` or `context:verb`. */
export const isScope = (scope: string): boolean => /^(\*|[a-z][a-z0-9_]*:(\*|[a-z][a-z0-9_]*))$/.test(scope);

export type Expiry = "never" | "week" | "month" | "quarter" | "year";

const DAYS: Record<Exclude<Expiry, "never">, number> = { week: 7, month: 30, quarter: 90, year: 365 };
const DAY_MS = 86_400_000;

/** The moment at which a key ends, RFC 3339; undefined for one that does not. */
export const expiresAt = (expiry: Expiry, now: number): string | undefined => (expiry === "never" ? undefined : new Date(now + DAYS[expiry] * DAY_MS).toISOString());

export const isExpired = (expires: string | null, now: number): boolean => expires !== null && Date.parse(expires) <= now;

/** A list longer than this can be searched. */
export const FIND_FROM = 8;

/** The items of which some text has each of the words. */
export function found<T>(items: readonly T[], query: string, texts: (item: T) => readonly string[]): readonly T[] {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  return words.length === 0 ? items : items.filter((item) => words.every((word) => texts(item).some((text) => text.toLowerCase().includes(word))));
}
