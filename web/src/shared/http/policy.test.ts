import { describe, expect, it } from "vitest";
import { GATEWAY_ROW, gatewayPolicy, LIVE_ROW, livePolicy, policyFromRow } from "./policy";

const row = { id: "frontend-gateway", timeout: 12, retry: { max: 1, delay: 0.25, cap: 2, retry_after_max: 20, backoff: "exponential" }, breaker: { failures: 3, window: 30, open_time: 2, open_time_max: 9, permits: 2, permit_timeout: 7 } };

describe("the browser's row", () => {
  it("holds the specification's values until the server says others", () => {
    expect(GATEWAY_ROW).toEqual({ timeoutMs: 30_000, retries: 3, delayMs: 100, delayCapMs: 5_000, retryAfterCapMs: 60_000, breaker: { failures: 5, windowMs: 60_000 } });
    expect(gatewayPolicy(undefined)).toBe(GATEWAY_ROW);
    expect(gatewayPolicy({ items: [{ id: "frontend-backend" }] })).toBe(GATEWAY_ROW);
  });
  it("comes from the matrix", () => {
    expect(gatewayPolicy({ items: [{ id: "frontend-backend" }, row] })).toEqual({
      timeoutMs: 12_000,
      retries: 1,
      delayMs: 250,
      delayCapMs: 2_000,
      retryAfterCapMs: 20_000,
      breaker: { failures: 3, windowMs: 30_000, openMs: 2_000, openCapMs: 9_000, probes: 2, probeLimitMs: 7_000 },
    });
  });
  it("says how a live connection comes back", () => {
    expect(livePolicy({ items: [{ id: "frontend-backend", retry: { delay: 1, cap: 8 } }] })).toEqual({ baseMs: 1_000, capMs: 8_000 });
    expect(livePolicy(null)).toEqual(LIVE_ROW);
    expect(livePolicy({ items: [{ id: "frontend-backend", retry: null }] })).toEqual(LIVE_ROW);
  });
  it("switches off what the matrix switches off", () => {
    expect(policyFromRow({ ...row, retry: null, breaker: null })).toMatchObject({ retries: 0, breaker: null });
  });
  it("keeps the default in place of a value that cannot be", () => {
    expect(policyFromRow({ timeout: -1, retry: { max: 99, delay: "soon" }, breaker: { failures: 0, window: 60 } })).toEqual(GATEWAY_ROW);
  });
});
