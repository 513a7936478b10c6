/** The strip of the log in time, and what differs between two moments. Pure. */
import type { Density, Difference, Message } from "@/contracts/api";

/** A chat's messages, or a read model by its name. */
export type Subject = string;
export const CHAT: Subject = "messages";

export interface Asked {
  readonly what: Subject;
  readonly chat: string;
  /** Log positions; `to` is null while one moment is looked at. */
  readonly at: number | null;
  readonly to: number | null;
}

const number = (value: unknown): number | null => (typeof value === "string" && /^\d{1,15}$/.test(value) ? Number(value) : null);
const text = (value: unknown): string => (typeof value === "string" ? value : "");

export const askedOf = (query: Record<string, unknown>): Asked => ({ what: text(query.what) || CHAT, chat: text(query.chat), at: number(query.at), to: number(query.to) });

/** What an address keeps: only what was chosen. */
export function addressOf(asked: Asked): Record<string, string> {
  const query = { what: asked.what === CHAT ? "" : asked.what, chat: asked.chat, at: asked.at?.toString() ?? "", to: asked.to?.toString() ?? "" };
  return Object.fromEntries(Object.entries(query).filter(([, value]) => value !== ""));
}

/** Events in each part of the strip. */
export const counts = (density: Density): readonly number[] => density.positions.map((end, part) => end - (density.positions[part - 1] ?? density.before));

export const clamped = (density: Density, position: number): number => Math.min(density.head, Math.max(0, position));

/** The position at a place of the strip, 0 its beginning and 1 its end; inside a part events are taken as evenly spread. */
export function positionAt(density: Density, place: number): number {
  const parts = density.positions.length;
  if (place <= 0 || parts === 0) return density.before;
  if (place >= 1) return density.head;
  const part = Math.floor(place * parts);
  const start = density.positions[part - 1] ?? density.before;
  const end = density.positions[part] ?? density.head;
  return Math.round(start + (end - start) * (place * parts - part));
}

/** The place of a position on the strip. */
export function placeOf(density: Density, position: number): number {
  const parts = density.positions.length;
  if (parts === 0 || position <= density.before) return 0;
  const part = density.positions.findIndex((end) => end >= position);
  if (part < 0) return 1;
  const start = density.positions[part - 1] ?? density.before;
  const end = density.positions[part] ?? position;
  return (part + (position - start) / Math.max(1, end - start)) / parts;
}

/** Where a key moves a handle: an event, a part that has events, an end. Null: not one of its keys. */
export function moved(density: Density, position: number, key: string): number | null {
  switch (key) {
    case "ArrowRight":
    case "ArrowUp":
      return clamped(density, position + 1);
    case "ArrowLeft":
    case "ArrowDown":
      return clamped(density, position - 1);
    case "PageUp":
      return density.positions.find((end) => end > position) ?? density.head;
    case "PageDown":
      return [...density.positions].reverse().find((end) => end < position) ?? 0;
    case "Home":
      return 0;
    case "End":
      return density.head;
    default:
      return null;
  }
}

export interface Member {
  readonly name: string;
  readonly before: unknown;
  readonly after: unknown;
  readonly differs: boolean;
}

const same = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other);

/** The members of both documents, those that differ first. */
export function members(difference: Difference): readonly Member[] {
  const { before, after } = difference;
  const names = [...new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})])];
  return names
    .map((name) => ({ name, before: before?.[name], after: after?.[name], differs: !same(before?.[name], after?.[name]) }))
    .sort((a, b) => Number(b.differs) - Number(a.differs));
}

export type Mark = "added" | "removed" | "changed" | "same";

export interface Marked {
  readonly message: Message;
  readonly mark: Mark;
}

const shown = ({ content, status, siblings }: Message): unknown => [content, status, siblings];

/** The messages of a moment, each with how it stands to those of the other moment. */
export function marked(messages: readonly Message[], others: readonly Message[] | null, side: "before" | "after"): readonly Marked[] {
  if (others === null) return messages.map((message) => ({ message, mark: "same" }));
  const known = new Map(others.map((message) => [message.id, message]));
  return messages.map((message) => {
    const other = known.get(message.id);
    const mark: Mark = other === undefined ? (side === "before" ? "removed" : "added") : same(shown(message), shown(other)) ? "same" : "changed";
    return { message, mark };
  });
}

/** A value in a line. */
export const inLine = (value: unknown): string => (value === undefined ? "" : typeof value === "string" ? value : JSON.stringify(value));

/** About when a position was, in milliseconds since 1970: inside a part of the strip events are taken as evenly spread. */
export function timeOf(density: Density, position: number): number | null {
  if (density.since === null || density.until === null || position < 1) return null;
  const [since, until] = [Date.parse(density.since), Date.parse(density.until)];
  return since + (until - since) * placeOf(density, position);
}
