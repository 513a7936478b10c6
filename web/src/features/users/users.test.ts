import { expect, it } from "vitest";
import { expiresAt, found, isExpired, isScope, scopesOf } from "./users.state";

it("scopes come from text, each once", () => {
  expect(scopesOf(" chat:read,models:*\n chat:read ")).toEqual(["chat:read", "models:*"]);
  expect(scopesOf("  ")).toEqual([]);
});

it("a scope is everything, a context, or one of its verbs", () => {
  expect(["*", "chat:*", "chat:read", "metrics:read"].every(isScope)).toBe(true);
  expect(["chat", "chat:", ":read", "Chat:read", "chat:read:all", "**", ""].some(isScope)).toBe(false);
});

it("a key ends when it was chosen to, or never", () => {
  const now = Date.parse("2026-01-01T00:00:00Z");
  expect(expiresAt("never", now)).toBeUndefined();
  expect(expiresAt("week", now)).toBe("2026-01-08T00:00:00.000Z");
  expect(isExpired("2026-01-01T00:00:00Z", now)).toBe(true);
  expect(isExpired("2026-01-01T00:00:01Z", now)).toBe(false);
  expect(isExpired(null, now)).toBe(false);
});

it("a list is narrowed by every word, wherever it stands", () => {
  const people = [{ name: "Ann", role: "Operator" }, { name: "Anton", role: "User" }];
  const names = (query: string): string[] => found(people, query, ({ name, role }) => [name, role]).map(({ name }) => name);
  expect([names(""), names("an"), names("AN user"), names("operator x")]).toEqual([["Ann", "Anton"], ["Ann", "Anton"], ["Anton"], []]);
});
