/** What the links page derives from the rows: conditions, order, and the traces of the last minutes. Pure. */
import type { BreakerState, Link } from "@/contracts/api";

/** How a link is, in one word. */
export type Condition = "ok" | "quiet" | "shadow" | "half_open" | "open" | "isolated" | "substituted" | "absent";

const SEVERITY: readonly BreakerState[] = ["closed", "shadow", "half_open", "open", "isolated"];

/** Whether faults are made on purpose on a row. */
export const hasFaults = ({ chaos }: Pick<Link, "chaos">): boolean => chaos !== null && ["latency_rate", "fault_rate", "abort_rate"].some((name) => Number(chaos[name]) > 0);

export function conditionOf(link: Link): Condition {
  if (link.state === "absent") return "absent";
  const worst = link.targets.map((target) => SEVERITY.indexOf(target.breaker_state)).reduce((a, b) => Math.max(a, b), 0);
  const state = SEVERITY[worst] ?? "closed";
  if (state !== "closed") return state;
  if (link.state === "substituted") return "substituted";
  return link.calls === 0 ? "quiet" : "ok";
}

export const isTrouble = (link: Link): boolean => ["open", "half_open", "isolated"].includes(conditionOf(link));

export type Filter = "all" | "active" | "trouble" | "absent";

export function matches(link: Link, filter: Filter, query: string): boolean {
  if (filter === "active" && link.state === "absent") return false;
  if (filter === "trouble" && !isTrouble(link)) return false;
  if (filter === "absent" && link.state !== "absent") return false;
  const text = `${link.id} ${link.from} ${link.to} ${link.pattern} ${link.transport}`.toLowerCase();
  return query
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}

export type Column = "link" | "state" | "pattern" | "rate" | "failures" | "p50" | "p95" | "p99" | "calls" | "error";
export interface Order {
  readonly column: Column;
  readonly descending: boolean;
}

const CONDITIONS: readonly Condition[] = ["isolated", "open", "half_open", "shadow", "ok", "quiet", "substituted", "absent"];

function keyOf(link: Link, column: Column): string | number | null {
  switch (column) {
    case "link":
      return `${link.from} ${link.to}`;
    case "state":
      return CONDITIONS.indexOf(conditionOf(link));
    case "pattern":
      return link.pattern;
    case "rate":
      return link.rate;
    case "failures":
      return link.calls === 0 ? null : link.failure_rate;
    case "p50":
      return link.p50_ms;
    case "p95":
      return link.p95_ms;
    case "p99":
      return link.p99_ms;
    case "calls":
      return link.calls;
    case "error":
      return link.last_error?.at ?? null;
  }
}

/** Sorted copies; what has no value comes last either way, and equal rows keep the matrix's order. */
export function ordered(links: readonly Link[], order: Order | null): readonly Link[] {
  if (order === null) return links;
  return [...links].sort((a, b) => {
    const [left, right] = [keyOf(a, order.column), keyOf(b, order.column)];
    if (left === null || right === null) return Number(left === null) - Number(right === null);
    const sign = order.descending ? -1 : 1;
    return sign * (typeof left === "string" || typeof right === "string" ? String(left).localeCompare(String(right)) : left - right);
  });
}

/** Clicking a column sorts by it, then the other way, then not at all. Numbers begin with the largest. */
export function nextOrder(order: Order | null, column: Column): Order | null {
  const first = !["link", "state", "pattern"].includes(column);
  if (order?.column !== column) return { column, descending: first };
  return order.descending === first ? { column, descending: !first } : null;
}
