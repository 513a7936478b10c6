import type { Session } from "@/contracts/api";

export type Day = "today" | "yesterday" | "week" | "month" | "older";

export interface DayGroup {
  readonly day: Day;
  readonly sessions: readonly Session[];
}

const DAY_MS = 86_400_000;

/** Which heading a moment belongs under, in local days. */
export function dayOf(at: number, now: number): Day {
  const midnight = new Date(now);
  midnight.setHours(0, 0, 0, 0);
  const start = midnight.getTime();
  if (at >= start) return "today";
  if (at >= start - DAY_MS) return "yesterday";
  if (at >= start - 6 * DAY_MS) return "week";
  return at >= start - 29 * DAY_MS ? "month" : "older";
}

/** Chats under their days, the order of the server kept within each. */
export function byDay(sessions: readonly Session[], now: number): readonly DayGroup[] {
  const order: readonly Day[] = ["today", "yesterday", "week", "month", "older"];
  return order
    .map((day) => ({ day, sessions: sessions.filter((session) => dayOf(Date.parse(session.updated_at), now) === day) }))
    .filter((group) => group.sessions.length > 0);
}
