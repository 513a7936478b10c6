import { describe, expect, it } from "vitest";
import { admit, closed, settle, verdictOf, type Breaker, type BreakerOptions, type Verdict } from "./breaker";

const OPTIONS: BreakerOptions = { failures: 5, windowMs: 60_000 };

/** Sends one call at `now` that ends with `verdict` at once; null when it was refused. */
function call(breaker: Breaker, verdict: Verdict, now: number, options = OPTIONS): [Breaker, boolean] {
  const admission = admit(breaker, options, now);
  if (!admission.admitted) return [admission.breaker, false];
  return [settle(admission.breaker, options, admission.permit, verdict, now), true];
}
function after(verdicts: Verdict[], stepMs = 100): Breaker {
  return verdicts.reduce((breaker, verdict, index) => call(breaker, verdict, index * stepMs)[0], closed());
}
const many = (verdict: Verdict, n: number): Verdict[] => Array.from({ length: n }, () => verdict);

describe("a closed breaker", () => {
  it("opens on the fifth failure within the window", () => {
    expect(after(many("failure", 4)).state).toBe("closed");
    expect(after(many("failure", 5)).state).toBe("open");
  });
  it("stays closed when fewer than half of the calls fail, and none five times in a row", () => {
    const mixed: Verdict[] = Array.from({ length: 30 }, (_, index) => (index % 3 === 0 ? "failure" : "success"));
    expect(after(mixed).state).toBe("closed");
  });
  it("opens on five failures in a row even when most of the window was good", () => {
    expect(after([...many("success", 20), ...many("failure", 5)]).state).toBe("open");
  });
  it("forgets failures that are older than the window", () => {
    const four = after(many("failure", 4));
    expect(call(four, "failure", 60_301)[0].state).toBe("closed");
  });
  it("does not count what was ignored", () => {
    expect(after(many("ignored", 20)).state).toBe("closed");
  });
});

describe("an open breaker", () => {
  const open = after(many("failure", 5), 0);
  it("refuses and says how long", () => {
    const admission = admit(open, OPTIONS, 2_000);
    expect(admission).toMatchObject({ admitted: false, retryAfterMs: 3_000 });
  });
  it("gives one probe when its time has passed, and refuses the rest while that runs", () => {
    const first = admit(open, OPTIONS, 5_000);
    expect(first.admitted).toBe(true);
    expect(admit(first.breaker, OPTIONS, 5_001).admitted).toBe(false);
  });
  it("closes within three good calls", () => {
    let breaker: Breaker = open;
    for (const at of [5_000, 5_100, 5_200]) breaker = call(breaker, "success", at)[0];
    expect(breaker.state).toBe("closed");
  });
  it("stays open twice as long after each failed probe, to at most a minute", () => {
    let breaker: Breaker = open;
    const waits: number[] = [];
    for (let round = 0; round < 6; round += 1) {
      const until = breaker.state === "open" ? breaker.until : 0;
      breaker = call(breaker, "failure", until)[0];
      waits.push(breaker.state === "open" ? breaker.until - until : 0);
    }
    expect(waits).toEqual([10_000, 20_000, 40_000, 60_000, 60_000, 60_000]);
  });
  it("gets its permit back from a probe that was cancelled", () => {
    const [cancelled] = call(open, "ignored", 5_000);
    expect(admit(cancelled, OPTIONS, 5_001).admitted).toBe(true);
  });
  it("counts a probe without outcome as failed after its limit", () => {
    const probing = admit(open, OPTIONS, 5_000).breaker;
    const late = admit(probing, OPTIONS, 35_000);
    expect(late.admitted).toBe(false);
    expect(late.breaker.state).toBe("open");
  });
});

describe("generations", () => {
  it("let no outcome of an earlier state decide", () => {
    const old = admit(closed(), OPTIONS, 0);
    if (!old.admitted) throw new Error("a closed breaker admits");
    const probing = admit(after(many("failure", 5), 0), OPTIONS, 5_000).breaker;
    expect(settle(probing, OPTIONS, old.permit, "failure", 5_001)).toBe(probing);
  });
  it("hold in every order of calls: a permit is never lost, and the state is always one of the three", () => {
    let seed = 7;
    const chance = (): number => (seed = (seed * 16807) % 2147483647) / 2147483647;
    let breaker: Breaker = closed();
    let now = 0;
    const flying: number[] = [];
    for (let turn = 0; turn < 20_000; turn += 1) {
      now += chance() * 4_000;
      if (chance() < 0.5) {
        const admission = admit(breaker, OPTIONS, now);
        breaker = admission.breaker;
        if (admission.admitted) flying.push(admission.permit);
        else expect(admission.retryAfterMs).toBeGreaterThan(0);
      } else if (flying.length > 0) {
        const [permit = 0] = flying.splice(Math.floor(chance() * flying.length), 1);
        const verdict = (["success", "failure", "ignored"] as const)[Math.floor(chance() * 3)] ?? "ignored";
        breaker = settle(breaker, OPTIONS, permit, verdict, now);
      }
    }
    for (let round = 0; round < 4; round += 1) breaker = call(breaker, "success", (now += 100_000))[0];
    expect(breaker.state).toBe("closed");
  });
});

it("counts 5xx as failures of the server, except 501 and 505, and nothing below 500", () => {
  expect([500, 502, 503, 504].map(verdictOf)).toEqual(many("failure", 4));
  expect([200, 304, 400, 401, 404, 409, 422, 429, 501, 505].map(verdictOf)).toEqual(many("success", 10));
});
