import { describe, expect, it } from "vitest";
import type { SchemaSummary } from "@/contracts/api";
import { fieldsOf, kindOf, matching } from "./fields";

const root = {
  $defs: {
    Failure: { type: "object", required: ["code"], properties: { code: { type: "string", description: "Why." }, parts: { type: "array", items: { $ref: "#/$defs/Failure" } } } },
  },
  type: "object",
  required: ["id", "error"],
  properties: {
    id: { type: "string" },
    at: { type: "string", format: "date-time" },
    state: { enum: ["open", "closed"] },
    error: { anyOf: [{ $ref: "#/$defs/Failure" }, { type: "null" }] },
    sizes: { type: ["array", "null"], items: { type: "integer" } },
    lines: { type: "array", items: { type: "object", properties: { text: { type: "string" } } } },
    any: {},
  },
};

describe("fields", () => {
  const fields = fieldsOf(root);
  it("name every member with what it holds, inner ones below their own", () => {
    expect(fields.filter(({ path }) => !path.startsWith("error.parts")).map(({ path, kind, required }) => [path, kind, required])).toEqual([
      ["id", "text", true],
      ["at", "date-time", false],
      ["state", '"open", "closed"', false],
      ["error", "object or nothing", true],
      ["error.code", "text", true],
      ["sizes", "list of whole number or nothing", false],
      ["lines", "list of object", false],
      ["lines[].text", "text", false],
      ["any", "anything", false],
    ]);
    expect(fields.find(({ path }) => path === "error.code")?.text).toBe("Why.");
  });
  it("end where a schema speaks of itself", () => {
    expect(fields.some(({ path }) => path === "error.parts[].code")).toBe(true);
    expect(fields.length).toBeLessThan(60);
    expect(kindOf({ $ref: "#" }, { $ref: "#" })).toBe("anything");
    expect(fieldsOf(true)).toEqual([]);
  });
});

it("types are found by words of their name and description", () => {
  const type = (name: string, description: string): SchemaSummary => ({ type: name, description, origin: "contract", compatibility: "backward", versions: [1], registered_by: null, registered_at: null });
  const types = [type("autobot.chat.message_posted", "Somebody said something."), type("com.shop.order", "Ordered.")];
  expect(matching(types, "CHAT something").map((one) => one.type)).toEqual(["autobot.chat.message_posted"]);
  expect(matching(types, " ")).toHaveLength(2);
});
