/** Settings on the screen: found, grouped, and edited as text. Pure. */
import type { Setting } from "@/contracts/api";

export interface SettingGroup {
  readonly name: string;
  readonly settings: readonly Setting[];
}

/** Settings in which every word occurs, in title, key, description or group. */
export function found(settings: readonly Setting[], query: string): readonly Setting[] {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  return settings.filter(({ title, key, description, group }) => {
    const text = `${title} ${key} ${description} ${group}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
}

/** By group, groups in the order in which the server names them first. */
export function grouped(settings: readonly Setting[]): readonly SettingGroup[] {
  const names = [...new Set(settings.map(({ group }) => group))];
  return names.map((name) => ({ name, settings: settings.filter(({ group }) => group === name) }));
}

/** What an editor holds: text for everything that is typed, a boolean for a switch. */
export type Draft = string | boolean;

/** A secret's editor begins empty: its value is never shown. */
export function draftOf(setting: Setting): Draft {
  if (setting.type === "boolean") return setting.value === true;
  if (setting.secret || setting.value === null || setting.value === undefined) return "";
  return Array.isArray(setting.value) ? setting.value.join("\n") : String(setting.value);
}

export type Parsed = { ok: true; value: unknown } | { ok: false; problem: "number" | "whole" | "range" | "empty" };

/** The draft as a value of the setting's type, or what is wrong with it. */
export function parse(setting: Setting, draft: Draft): Parsed {
  if (typeof draft === "boolean") return { ok: true, value: draft };
  const text = draft.trim();
  switch (setting.type) {
    case "integer":
    case "number":
      return parseNumber(setting, text);
    case "list":
      return { ok: true, value: text.split("\n").map((line) => line.trim()).filter(Boolean) };
    case "secret":
      return text === "" ? { ok: false, problem: "empty" } : { ok: true, value: draft };
    default:
      return { ok: true, value: text };
  }
}

function parseNumber(setting: Setting, text: string): Parsed {
  const value = Number(text);
  if (text === "" || !Number.isFinite(value)) return { ok: false, problem: "number" };
  if (setting.type === "integer" && !Number.isInteger(value)) return { ok: false, problem: "whole" };
  if (value < (setting.minimum ?? -Infinity) || value > (setting.maximum ?? Infinity)) return { ok: false, problem: "range" };
  return { ok: true, value };
}

/** A value in a line of text. */
export function shown(value: unknown): string {
  if (value === null || value === undefined || value === "") return "";
  if (Array.isArray(value)) return value.join(", ");
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
