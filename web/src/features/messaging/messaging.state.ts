import type { Consumer, DeadLetter, DeadLetterCause, Replay } from "../../contracts/api";

/** Which dead letters: all, or those of one cause. */
export interface Selection {
  group?: string;
  fingerprint?: string;
}

export const causeKey = ({ group, fingerprint }: Pick<DeadLetterCause, "group" | "fingerprint">): string => `${group}/${fingerprint}`;

/** The selection that an address names; a group's name has no slash. */
export function selectionOf(cause: unknown): Selection {
  if (typeof cause !== "string") return {};
  const [group = "", fingerprint = ""] = cause.split("/");
  return group && fingerprint ? { group, fingerprint } : {};
}

/** What an error's type means in words: by its name without its module, or that the program itself is wrong (`KeyError`). */
export function errorWords(error: string, known: Readonly<Record<string, string>>, internal: string): string {
  const name = error.split(".").at(-1) ?? error;
  return known[name] ?? (error.startsWith("autobot.") ? wordsOf(name) : internal);
}
/** `TwoWords` as people read them. */
const wordsOf = (name: string): string => {
  const words = name.replaceAll(/(?<=[a-z])(?=[A-Z])/g, " ").toLowerCase();
  return words.charAt(0).toUpperCase() + words.slice(1);
};

/** A place of a stack without the way to the project. */
export const placeName = (place: string): string => place.replace(/^.*\/(site-packages|src)\//, "");

export const isOver = ({ status }: Pick<Replay, "status">): boolean => status !== "accepted" && status !== "running";

/** Replays to show above the list: what runs, and the newest that ended while one looks. */
export const replaysShown = (replays: readonly Replay[], dismissed: readonly string[], since: number): Replay[] =>
  replays.filter((replay) => !isOver(replay) || (!dismissed.includes(replay.id) && replay.ended_at !== null && Date.parse(replay.ended_at) >= since));

export type Look = "good" | "warn" | "bad" | "idle" | "note";
export const ageLooks: Record<DeadLetter["age"], Look> = { fresh: "idle", ageing: "warn", overdue: "bad" };
export const replayLooks: Record<Replay["status"], Look> = { accepted: "note", running: "note", completed: "good", stopped: "idle", halted: "bad", failed: "bad", interrupted: "warn" };
export const consumerLook = ({ state, held }: Pick<Consumer, "state" | "held">): Look => (held ? "note" : state === "running" ? "good" : state === "paused" ? "bad" : "idle");

/** The data that somebody typed for a copy: an object, or what is wrong with it. */
export function parsed(text: string): { data: Record<string, unknown> } | { error: "syntax" | "object" } {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { error: "syntax" };
  }
  return typeof value === "object" && value !== null && !Array.isArray(value) ? { data: value as Record<string, unknown> } : { error: "object" };
}

/** A group as one process serves it. */
export const placeOf = ({ group, process }: Pick<Consumer, "group" | "process">): string => `${group} · ${process}`;

/** The lag of each group in each process over time, the newest last. */
export type Lags = Readonly<Record<string, readonly number[]>>;
export function withLags(lags: Lags, consumers: readonly Consumer[], most: number): Lags {
  return Object.fromEntries(consumers.map((one) => [placeOf(one), [...(lags[placeOf(one)] ?? []), one.lag].slice(-most)]));
}
