/** What a person may edit of a row's policy, as the fields of a form hold it, and what of it is sent. Pure. */
import type { Link, LinkPatch } from "@/contracts/api";

export type StrategyName = "retry" | "breaker" | "bulkhead" | "rate_limit" | "cache" | "chaos";

export interface PolicyField {
  readonly name: string;
  /** `flag` is a switch, `word` one of `words`; all others are typed. */
  readonly kind: "seconds" | "whole" | "share" | "number" | "flag" | "word";
  readonly words?: readonly string[];
  /** What the server accepts, both ends included. */
  readonly range?: readonly [low: number, high: number];
  /** The value of a strategy that is only now switched on; empty where the product's own choice is meant. */
  readonly start?: string | boolean;
  /** Shown at once; the others are behind "all options". */
  readonly main?: boolean;
}

export interface Strategy {
  readonly name: StrategyName;
  readonly fields: readonly PolicyField[];
}

const DAY = 86_400;

/** The strategies in the order in which a call passes them, fields and ranges as their options have them. */
export const STRATEGIES: readonly Strategy[] = [
  {
    name: "retry",
    fields: [
      { name: "max", kind: "whole", range: [0, 10], start: "3", main: true },
      { name: "delay", kind: "seconds", range: [0, 60], start: "0.1", main: true },
      { name: "backoff", kind: "word", words: ["exponential", "fixed", "immediate"], start: "exponential", main: true },
      { name: "cap", kind: "seconds", range: [0, 300] },
      { name: "throttle_delay", kind: "seconds", range: [0, 60] },
      { name: "retry_after_max", kind: "seconds", range: [0, 3_600] },
      { name: "ratio", kind: "share", range: [0, 1] },
      { name: "floor", kind: "whole", range: [0, 1_000] },
      { name: "tokens", kind: "number", range: [1, 1_000] },
      { name: "token_refill", kind: "number", range: [0, 1] },
      { name: "retry_500", kind: "flag" },
    ],
  },
  {
    name: "breaker",
    fields: [
      { name: "failures", kind: "whole", range: [1, 10_000], start: "5", main: true },
      { name: "window", kind: "seconds", range: [0.1, 3_600], start: "60", main: true },
      { name: "mode", kind: "word", words: ["on", "shadow", "disabled"], start: "on", main: true },
      { name: "open_time", kind: "seconds", range: [0.1, 3_600] },
      { name: "open_time_max", kind: "seconds", range: [0.1, 3_600] },
      { name: "permits", kind: "whole", range: [1, 100] },
      { name: "permit_timeout", kind: "seconds", range: [1, 3_600] },
      { name: "ratio", kind: "share", range: [0.01, 1] },
      { name: "minimum_calls", kind: "whole", range: [1, 100_000] },
      { name: "consecutive", kind: "whole", range: [1, 10_000] },
      { name: "slow_ratio", kind: "share", range: [0.01, 1] },
      { name: "slow_after", kind: "seconds", range: [0.001, 3_600] },
      { name: "retry_after_max", kind: "seconds", range: [0, DAY] },
      { name: "jitter", kind: "share", range: [0, 0.5] },
    ],
  },
  {
    name: "bulkhead",
    fields: [
      { name: "limit", kind: "whole", range: [1, 100_000], start: "20", main: true },
      { name: "queue", kind: "whole", range: [0, 100_000], main: true },
      { name: "adaptive", kind: "flag", start: false },
      { name: "limit_min", kind: "whole", range: [1, 100_000] },
      { name: "limit_max", kind: "whole", range: [1, 100_000] },
      { name: "tolerance", kind: "number", range: [1, 10] },
    ],
  },
  {
    name: "rate_limit",
    fields: [
      { name: "calls", kind: "whole", range: [1, 1_000_000], start: "600", main: true },
      { name: "window", kind: "seconds", range: [0.001, DAY], start: "60", main: true },
      { name: "burst", kind: "whole", range: [1, 1_000_000], main: true },
    ],
  },
  {
    name: "cache",
    fields: [
      { name: "ttl", kind: "seconds", range: [0, DAY], start: "30", main: true },
      { name: "scope", kind: "word", words: ["principal", "tenant"], start: "principal", main: true },
      { name: "stale_while_revalidate", kind: "seconds", range: [0, DAY] },
      { name: "stale_if_error", kind: "seconds", range: [0, 7 * DAY] },
      { name: "max_entries", kind: "whole", range: [1, 1_000_000] },
      { name: "jitter", kind: "share", range: [0, 0.5] },
    ],
  },
  {
    name: "chaos",
    fields: [
      { name: "latency", kind: "seconds", range: [0, 3_600], start: "1", main: true },
      { name: "latency_rate", kind: "share", range: [0, 1], start: "0", main: true },
      { name: "fault_rate", kind: "share", range: [0, 1], start: "0", main: true },
      { name: "abort_rate", kind: "share", range: [0, 1], start: "0", main: true },
    ],
  },
];

export const TRANSPORTS = ["direct", "http", "grpc", "websocket", "stream", "pubsub"] as const;

type Values = Record<string, string | boolean>;

export interface PolicyDraft {
  timeout: string;
  total: string;
  transport: string;
  strategies: Record<StrategyName, { on: boolean; values: Values }>;
}

const shown = (value: unknown): string => (value === null || value === undefined ? "" : String(value));

/** What a row says of a strategy; null where it has none. */
function policyOf(link: Link, name: StrategyName): Readonly<Record<string, unknown>> | null {
  const value = link[name];
  return typeof value === "object" ? value : null;
}

function valueOf(field: PolicyField, policy: Readonly<Record<string, unknown>> | null): string | boolean {
  const value = policy === null ? field.start : policy[field.name];
  return field.kind === "flag" ? value === true : shown(value);
}

/** A row that repeats nothing says so by `max` 0 or by having no retry at all: both are *off*. */
const isOn = (name: StrategyName, policy: Readonly<Record<string, unknown>> | null): boolean => policy !== null && !(name === "retry" && policy["max"] === 0);

export function draftOf(link: Link): PolicyDraft {
  const strategies = STRATEGIES.map(({ name, fields }) => {
    const policy = policyOf(link, name);
    const on = isOn(name, policy);
    return [name, { on, values: Object.fromEntries(fields.map((field) => [field.name, valueOf(field, on ? policy : null)])) }] as const;
  });
  return { timeout: shown(link.timeout), total: shown(link.total), transport: link.transport, strategies: Object.fromEntries(strategies) as PolicyDraft["strategies"] };
}

/** A number where there is one; other text is sent as it is, so that the server refuses it in words rather than taking it for "none". */
function sent(text: string): number | string | null {
  const trimmed = text.trim();
  if (trimmed === "") return null;
  const value = Number(trimmed);
  return Number.isFinite(value) ? value : trimmed;
}

const asSent = (field: PolicyField, value: string | boolean): unknown => (typeof value === "boolean" || field.kind === "word" ? value : sent(value));

/** A row that names no tokens gets enough for its further attempts; they follow a changed number of these. */
const ownTokens = (max: number): number => Math.max(10, 2 * max + 2);

function strategyPatch(strategy: Strategy, link: Link, before: PolicyDraft, draft: PolicyDraft): Record<string, unknown> | null | undefined {
  const [old, now] = [before.strategies[strategy.name], draft.strategies[strategy.name]];
  const touched = strategy.fields.filter(({ name }) => old.values[name] !== now.values[name]);
  if (old.on === now.on && (!now.on || touched.length === 0)) return undefined;
  if (!now.on) return null;
  const policy = policyOf(link, strategy.name);
  const patch: Record<string, unknown> = { ...(old.on ? policy : null) };
  const told = old.on ? touched : strategy.fields.filter(({ name }) => now.values[name] !== "");
  for (const field of told) patch[field.name] = asSent(field, now.values[field.name] ?? "");
  const tokens = old.values["tokens"];
  if (strategy.name === "retry" && old.on && tokens === now.values["tokens"] && policy?.["tokens"] === ownTokens(Number(policy?.["max"]))) delete patch["tokens"];
  return patch;
}

/** Only the fields that differ from the row: what was not touched is not set. A strategy goes as a whole. */
export function patchOf(link: Link, draft: PolicyDraft): Omit<LinkPatch, "reason"> {
  const before = draftOf(link);
  const patch: Record<string, unknown> = {};
  for (const name of ["timeout", "total"] as const) if (before[name] !== draft[name]) patch[name] = sent(draft[name]);
  if (before.transport !== draft.transport) patch["transport"] = draft.transport;
  for (const strategy of STRATEGIES) {
    const value = strategyPatch(strategy, link, before, draft);
    if (value !== undefined) patch[strategy.name] = value;
  }
  return patch;
}
