import { describe, expect, it } from "vitest";
import { GATEWAY_ROW } from "./policy";
import { retryDelay, type Attempted, type Outcome } from "./retry";

const answered = (status: number, retryAfter: number | null = null, code?: string): Outcome => ({ kind: "answer", status, retryAfterSeconds: retryAfter, code });
const delay = (attempted: Partial<Attempted>, chance = 0.5): number | null =>
  retryDelay(GATEWAY_ROW, { attempts: 1, method: "GET", hasIdempotencyKey: false, outcome: { kind: "network" }, ...attempted }, () => chance);

describe("what may be repeated", () => {
  it("repeats what is idempotent, three further times and no more", () => {
    expect([1, 2, 3, 4].map((attempts) => delay({ attempts }) !== null)).toEqual([true, true, true, false]);
  });
  it("repeats a write only when it carries an idempotency key", () => {
    expect(delay({ method: "POST" })).toBeNull();
    expect(delay({ method: "PATCH", hasIdempotencyKey: true })).not.toBeNull();
    expect(delay({ method: "PUT" })).not.toBeNull();
  });
  it("repeats what passes, and not what stays", () => {
    for (const status of [408, 425, 429, 502, 503, 504]) expect(delay({ outcome: answered(status) }), String(status)).not.toBeNull();
    for (const status of [400, 401, 403, 404, 409, 422, 500, 501]) expect(delay({ outcome: answered(status) }), String(status)).toBeNull();
    expect(delay({ outcome: { kind: "timeout" } })).not.toBeNull();
  });
  it("asks no second time for a part that is not installed or a link that rests", () => {
    expect(delay({ outcome: answered(503, null, "absent") })).toBeNull();
    expect(delay({ outcome: answered(503, 4, "circuit-open") })).toBeNull();
  });
});

describe("the wait", () => {
  it("is drawn from nothing to the doubled step", () => {
    expect([1, 2, 3].map((attempts) => delay({ attempts }, 0.999))).toEqual([99.9, 199.8, 399.6]);
    expect(delay({ attempts: 3 }, 0)).toBe(0);
  });
  it("is never shorter than Retry-After, and up to a tenth longer", () => {
    expect(delay({ outcome: answered(503, 7) }, 0)).toBe(7_000);
    expect(delay({ outcome: answered(503, 7) }, 0.999)).toBeCloseTo(7_699.3);
  });
  it("passes a Retry-After of more than a minute on instead of sitting it out", () => {
    expect(delay({ outcome: answered(429, 61) })).toBeNull();
  });
});
