import { describe, expect, it } from "vitest";
import { addressOf, mountPath, socketAddress } from "./base";
import { randomId } from "./ids";
import { readProblem, retryAfterSeconds } from "./problem";

const page = (content: string): Document => new DOMParser().parseFromString(`<html><head><meta name="autobot-base" content="${content}"></head></html>`, "text/html");

describe("addresses", () => {
  it("stand under the mount path that the server wrote into the page", () => {
    expect(mountPath(page("/tools/autobot/"))).toBe("/tools/autobot/");
    expect(mountPath(page("/tools/autobot"))).toBe("/tools/autobot/");
    expect(mountPath(page("https://evil.example/"))).toBe("/");
    expect(addressOf("/api/v1/x", "/tools/")).toBe("/tools/api/v1/x");
  });
  it("use a secure socket on a secure page", () => {
    expect(socketAddress("/ws", { protocol: "https:", host: "a.example" })).toBe("wss://a.example/ws");
    expect(socketAddress("/ws", { protocol: "http:", host: "a.example:8001" })).toBe("ws://a.example:8001/ws");
  });
});

describe("problem documents", () => {
  it("are read when they have a title and a status", () => {
    expect(readProblem({ title: "No", status: 404 })).toMatchObject({ type: "about:blank", title: "No", status: 404 });
    for (const other of [null, "text", {}, { title: 1, status: 2 }, []]) expect(readProblem(other)).toBeNull();
  });
  it("may ask to wait by seconds or by a date", () => {
    const now = Date.parse("2026-01-01T00:00:00Z");
    expect(retryAfterSeconds("120", now)).toBe(120);
    expect(retryAfterSeconds("Thu, 01 Jan 2026 00:00:30 GMT", now)).toBe(30);
    expect(retryAfterSeconds("Wed, 31 Dec 2025 00:00:00 GMT", now)).toBe(0);
    expect(retryAfterSeconds("soon", now)).toBeNull();
    expect(retryAfterSeconds(null, now)).toBeNull();
  });
});

it("ids are random UUIDs of version 4", () => {
  expect(randomId((bytes) => bytes.fill(255))).toBe("ffffffff-ffff-4fff-bfff-ffffffffffff");
  expect(randomId()).not.toBe(randomId());
});
