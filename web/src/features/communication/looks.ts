import { t } from "@/shared/catalogue";
import { partName } from "@/shared/parts";
import { duration, percent } from "@/shared/ui/format";
import type { Tone } from "@/shared/ui/tone";
import type { Condition } from "./communication.state";
import type { StrategyName } from "./policy.state";

/** How each condition looks: tone for words, colour for lines. */
export const tones: Record<Condition, Tone> = { ok: "good", quiet: "idle", shadow: "note", half_open: "warn", open: "bad", isolated: "bad", substituted: "good", absent: "idle" };

export const lineColours: Record<Condition, string> = {
  ok: "text-success",
  quiet: "text-(--ui-text-dimmed)",
  shadow: "text-primary",
  half_open: "text-warning",
  open: "text-error",
  isolated: "text-error",
  substituted: "text-success",
  absent: "text-(--ui-border-accented)",
};

export const nameOf = (link: { from: string; to: string }): string => `${partName(link.from)} → ${partName(link.to)}`;

/** What the proofs found, under the reasons why it stands: one reason may answer for several rows. */
export function byReason(findings: readonly { rows: string[]; detail: string; accepted: string }[]): { reason: string; details: string[] }[] {
  const reasons = [...new Set(findings.map(({ accepted }) => accepted))];
  return reasons.map((reason) => ({
    reason,
    details: findings.filter(({ accepted }) => accepted === reason).map(({ rows, detail }) => `${rows.join(" → ")}: ${detail}`),
  }));
}

/** What kind of failure a code names, in words where there are some. */
export function codeWords(code: string): string {
  const known: Record<string, string> = t.problems.titles;
  return known[code] ?? code;
}

export const isDashed = (condition: Condition): boolean => ["isolated", "substituted", "absent"].includes(condition);


const lasts = (value: unknown): string => (Number.isFinite(Number(value)) ? duration(Number(value) * 1000) : String(value));

/** A strategy in a few words, from what a row says of it or from a form that is being filled in. */
export function briefOf(name: StrategyName, of: Readonly<Record<string, unknown>>): string {
  const { retryText, breakerText, bulkheadText, rateLimitText, cacheText, chaosText } = t.communication;
  switch (name) {
    case "retry":
      return retryText(Number(of["max"]), lasts(of["delay"]), String(of["backoff"]));
    case "breaker":
      return breakerText(given(of["failures"]), lasts(of["window"]), String(of["mode"] ?? "on"));
    case "bulkhead":
      return bulkheadText(String(of["limit"]), given(of["queue"]), of["adaptive"] === true);
    case "rate_limit":
      return rateLimitText(String(of["calls"]), lasts(of["window"]), given(of["burst"]));
    case "cache":
      return cacheText(lasts(of["ttl"]), String(of["scope"] ?? "principal"));
    case "chaos":
      return chaosText(lasts(of["latency"] ?? 0), share(of["latency_rate"]), share(of["fault_rate"]), share(of["abort_rate"]));
  }
}
const given = (value: unknown): string | null => (value === null || value === undefined || value === "" ? null : String(value));
/** A chance that is not nought, as percent. */
const share = (value: unknown): string | null => (Number(value) > 0 ? percent(Number(value)) : null);
