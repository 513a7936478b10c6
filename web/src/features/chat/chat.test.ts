import { beforeEach, describe, expect, it } from "vitest";
import type { Session } from "@/contracts/api";
import { commandsFor } from "./commands";
import { keepDrafts, keepWords, loadDrafts, loadKept } from "./drafts";
import { byDay } from "./sessions.state";

describe("drafts", () => {
  beforeEach(() => localStorage.clear());
  const draft = (key: string, state: "queued" | "sending" | "posted" | "failed") => ({ key, content: `text ${key}`, state, error: null, messageId: null });
  it("outlive a reload with their keys, also the one that was being sent", () => {
    keepDrafts("s", [draft("a", "sending"), draft("b", "queued"), draft("c", "failed"), draft("d", "posted")]);
    expect(loadDrafts("s").map(({ key, state }) => [key, state])).toEqual([["a", "queued"], ["b", "queued"], ["c", "queued"]]);
    expect(loadDrafts("other")).toEqual([]);
  });
  it("leave nothing behind when all are posted", () => {
    keepDrafts("s", [draft("a", "queued")]);
    keepDrafts("s", [draft("a", "posted")]);
    expect(localStorage.length).toBe(0);
  });
  it("are none when what is kept cannot be read", () => {
    for (const broken of ["{", "{}", "null", '[1,null,{"key":1}]']) {
      localStorage.setItem("autobot.drafts:s", broken);
      expect(loadDrafts("s")).toEqual([]);
    }
  });
});

it("words of cut answers stay with the tab, and broken ones are none", () => {
  keepWords("s", { r1: "half" });
  expect(loadKept("s")).toEqual({ r1: "half" });
  keepWords("s", {});
  expect(sessionStorage.length).toBe(0);
  for (const broken of ["{", "null", '{"r":1}', "[]"]) {
    sessionStorage.setItem("autobot.kept:s", broken);
    expect(loadKept("s")).toEqual({});
  }
});

describe("the list of chats", () => {
  const now = new Date(2026, 5, 15, 12).getTime();
  const session = (id: string, daysAgo: number): Session => ({ id, title: id, model: null, documents: { first: false, collections: [] }, created_at: "", updated_at: new Date(now - daysAgo * 86_400_000).toISOString(), message_count: 0, active_run_id: null });
  it("stands under its days, newest day first, empty ones left out", () => {
    const groups = byDay([session("a", 0), session("b", 1), session("c", 3), session("d", 3.1), session("e", 400)], now);
    expect(groups.map(({ day, sessions }) => [day, sessions.map(({ id }) => id)])).toEqual([
      ["today", ["a"]],
      ["yesterday", ["b"]],
      ["week", ["c", "d"]],
      ["older", ["e"]],
    ]);
  });
  it("counts days by the calendar, not by hours", () => {
    expect(byDay([session("late", 13 / 24)], now)[0]?.day).toBe("yesterday");
  });
});

describe("slash commands", () => {
  const all = [{ name: "/help", text: "" }, { name: "/health", text: "" }, { name: "/links", text: "" }];
  it("are offered while the name is typed, and not in the middle of a text", () => {
    expect(commandsFor("/", all)).toHaveLength(3);
    expect(commandsFor("/HE", all).map(({ name }) => name)).toEqual(["/help", "/health"]);
    expect(commandsFor("/help me", all)).toEqual([]);
    expect(commandsFor("see /help", all)).toEqual([]);
    expect(commandsFor("", all)).toEqual([]);
  });
});
