import { describe, expect, it } from "vitest";
import { askedOf, lastDays, money, shareOf, standingOf } from "./models.state";

describe("usage", () => {
  it("is of whole days in UTC, today included", () => {
    const now = Date.parse("2026-03-01T00:30:00Z");
    expect([lastDays(1, now), lastDays(7, now)]).toEqual([{ from: "2026-03-01", to: "2026-03-01" }, { from: "2026-02-23", to: "2026-03-01" }]);
  });
  it("is by what the address asks, if there is such a thing", () => {
    expect([askedOf({}), askedOf({ by: "key", days: "7" }), askedOf({ by: "mood", days: "8" })]).toEqual([{ by: "model", days: 30 }, { by: "key", days: 7 }, { by: "model", days: 30 }]);
  });
  it("says small sums and none", () => {
    expect([0, 12.3, 0.0042, 0.00001].map((value) => money(value, "EUR"))).toEqual(["0 EUR", "12.30 EUR", "0.0042 EUR", "<0.0001 EUR"]);
    expect([shareOf(0, 0), shareOf(1, 4)]).toEqual([null, 0.25]);
  });
});

it("a server shows its worst trouble, and nothing that is not known", () => {
  const server = { address: "a", breaker: "closed", ejected_until: null, paused_until: null, calls: 0, failures: 0, reachable: null, error: null };
  const at = "2026-01-01T00:00:00Z";
  const standings = [server, { ...server, calls: 3 }, { ...server, reachable: false }, { ...server, paused_until: at, reachable: false }, { ...server, ejected_until: at, paused_until: at }, { ...server, breaker: "half_open", ejected_until: at }, { ...server, breaker: "isolated" }];
  expect(standings.map(standingOf)).toEqual(["unknown", "well", "unreachable", "paused", "aside", "failing", "isolated"]);
});
