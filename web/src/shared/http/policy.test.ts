import { describe, expect, it } from "vitest";
import { GATEWAY_ROW, gatewayPolicy, policyFromRow } from "./policy";

const row = { id: "frontend-gateway", timeout: 12, retry: { max: 1, delay: 0.25, backoff: "exponential" }, breaker: { failures: 3, window: 30 } };

describe("the browser's row", () => {
  it("holds the specification's values until the server says others", () => {
    expect(GATEWAY_ROW).toEqual({ timeoutMs: 30_000, retries: 3, delayMs: 100, delayCapMs: 5_000, breaker: { failures: 5, windowMs: 60_000 } });
    expect(gatewayPolicy(undefined)).toBe(GATEWAY_ROW);
    expect(gatewayPolicy({ items: [{ id: "frontend-backend" }] })).toBe(GATEWAY_ROW);
  });
  it("comes from the matrix", () => {
    expect(gatewayPolicy({ items: [{ id: "frontend-backend" }, row] })).toEqual({ timeoutMs: 12_000, retries: 1, delayMs: 250, delayCapMs: 5_000, breaker: { failures: 3, windowMs: 30_000 } });
  });
  it("switches off what the matrix switches off", () => {
    expect(policyFromRow({ ...row, retry: null, breaker: null })).toMatchObject({ retries: 0, breaker: null });
  });
  it("keeps the default in place of a value that cannot be", () => {
    expect(policyFromRow({ timeout: -1, retry: { max: 99, delay: "soon" }, breaker: { failures: 0, window: 60 } })).toEqual(GATEWAY_ROW);
  });
});
