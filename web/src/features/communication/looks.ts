import { t } from "@/shared/catalogue";
import type { Tone } from "@/shared/ui/tone";
import type { Condition } from "./communication.state";

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

export const isDashed = (condition: Condition): boolean => ["isolated", "substituted", "absent"].includes(condition);

/** What people call a part; one of an operator's own keeps its name. */
export function partName(part: string): string {
  const known: Record<string, string> = t.communication.parts;
  return known[part] ?? part;
}

export const nameOf = (link: { from: string; to: string }): string => `${partName(link.from)} → ${partName(link.to)}`;
