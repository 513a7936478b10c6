import { describe, expect, it } from "vitest";
import type { RoleHop, RoleInstance } from "@/contracts/api";
import { hopName, hopTone, toneOf } from "./looks";
import { canDrain, lanesOf, leaseShare } from "./roles.state";

const instance = (part: Partial<RoleInstance>): RoleInstance => ({
  id: "backend-1",
  roles: ["backend"],
  address: "http://10.0.0.1:8001",
  version: "1.0",
  contracts: "c",
  host: "one",
  pid: 1,
  started_at: "2026-01-01T00:00:00Z",
  state: "live",
  reason: "",
  drained_by: "",
  epoch: 1,
  lease_seconds: 10,
  age_seconds: 1,
  lease_left_seconds: 9,
  refused_by: [],
  here: false,
  key_mark: "",
  children: [],
  memory_bytes: null,
  ...part,
});
const hop = (reachable: number, pairs: number): RoleHop => ({ link: "gateway-backend", caller: "gateway", callee: "backend", reachable, pairs, targets: [] });

describe("lanes", () => {
  it("hold each process under every role that it has", () => {
    const all = instance({ id: "all", roles: ["gateway", "backend", "ai"] });
    expect(lanesOf([all]).map(({ instances }) => instances.length)).toEqual([1, 1, 1, 0]);
  });

  it("stay when nobody holds a role", () => {
    expect(lanesOf([instance({})]).map(({ role, instances }) => [role, instances.length])).toEqual([
      ["gateway", 0],
      ["backend", 1],
      ["ai", 0],
      ["npu", 0],
    ]);
  });
});

describe("a process", () => {
  it("stands out when it gets no calls", () => {
    expect((["live", "draining", "incompatible", "lost"] as const).map(toneOf)).toEqual(["good", "note", "warn", "bad"]);
  });

  it("shows what is left of its lease, and nothing where it has none", () => {
    expect(leaseShare(instance({ lease_left_seconds: 2.5 }))).toBe(0.25);
    expect(leaseShare(instance({ lease_left_seconds: 0 }))).toBe(0);
    expect(leaseShare(instance({ lease_seconds: null, lease_left_seconds: null }))).toBeNull();
  });

  it("can be drained while it gets calls, and not when it is the only one there is", () => {
    expect((["live", "draining", "incompatible", "lost"] as const).map((state) => canDrain("scaled", instance({ state })))).toEqual([true, false, true, false]);
    expect(canDrain("embedded", instance({}))).toBe(false);
  });
});

describe("a row between roles", () => {
  it("is named by its own ends, so that two rows between the same roles are told apart", () => {
    const backend = hop(1, 1);
    expect([backend, { ...backend, link: "gateway-reports" }].map(hopName)).toEqual(["Gateway → Backend", "Gateway → Reports"]);
  });

  it("is judged by the pairs that meet", () => {
    expect([hop(0, 0), hop(0, 2), hop(1, 2), hop(2, 2)].map(hopTone)).toEqual(["idle", "bad", "warn", "good"]);
  });
});
