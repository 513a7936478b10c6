import { describe, expect, it } from "vitest";
import type { Setting } from "@/contracts/api";
import { draftOf, found, grouped, parse, shown } from "./settings.state";

const setting = (part: Partial<Setting> = {}): Setting => ({
  key: "chat.length",
  title: "Longest answer",
  description: "In tokens.",
  group: "Chat",
  type: "integer",
  choices: null,
  minimum: null,
  maximum: null,
  value: 5,
  default: 5,
  source: "default",
  locked_by: null,
  restart: false,
  secret: false,
  updated_at: null,
  updated_by: null,
  ...part,
});

describe("finding", () => {
  it("needs every word, in any of title, key, description and group", () => {
    const all = [setting(), setting({ key: "server.port", title: "Port", description: "", group: "Server" })];
    expect(found(all, "LONG tokens")).toEqual([all[0]]);
    expect(found(all, "server port")).toEqual([all[1]]);
    expect(found(all, "  ")).toEqual(all);
    expect(found(all, "nothing here")).toEqual([]);
  });
  it("keeps the server's order of groups", () => {
    const all = [setting({ group: "B" }), setting({ group: "A" }), setting({ group: "B", key: "b.two" })];
    expect(grouped(all).map(({ name, settings }) => [name, settings.length])).toEqual([["B", 2], ["A", 1]]);
  });
});

describe("editing", () => {
  it("reads back what it shows, for every type", () => {
    for (const [type, value] of [["string", "x"], ["integer", 7], ["number", 0.5], ["boolean", true], ["enum", "a"], ["list", ["a", "b"]]] as const) {
      const each = setting({ type, value });
      expect(parse(each, draftOf(each)), type).toEqual({ ok: true, value });
    }
  });
  it("never shows a secret, and takes no empty one", () => {
    const secret = setting({ type: "secret", secret: true, value: "••••••••" });
    expect(draftOf(secret)).toBe("");
    expect(parse(secret, "  ")).toEqual({ ok: false, problem: "empty" });
    expect(parse(secret, " with spaces ")).toEqual({ ok: true, value: " with spaces " });
  });
  it("says what is wrong with a number", () => {
    const bounded = setting({ minimum: 1, maximum: 10 });
    expect(["", "x", "1.5", "0", "11", "1e999"].map((text) => parse(bounded, text))).toEqual([
      { ok: false, problem: "number" },
      { ok: false, problem: "number" },
      { ok: false, problem: "whole" },
      { ok: false, problem: "range" },
      { ok: false, problem: "range" },
      { ok: false, problem: "number" },
    ]);
  });
  it("drops empty lines from a list", () => {
    expect(parse(setting({ type: "list" }), " a \n\n b\n")).toEqual({ ok: true, value: ["a", "b"] });
  });
});

it("a value is told in a line", () => {
  expect([null, "", 5, false, ["a", "b"], { a: 1 }].map(shown)).toEqual(["", "", "5", "false", "a, b", '{"a":1}']);
});
