import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { BreakerState, Link } from "@/contracts/api";
import { conditionOf, hasFaults, matches, nextOrder, ordered, type Order } from "./communication.state";
import { NARROW, WIDE } from "./map.places";
import { byReason, codeWords } from "./looks";
import { draw, presentParts, standings, thickness } from "./map.state";

const link = (id: string, part: Partial<Link> = {}): Link => ({
  id,
  from: id.split("-")[0] ?? "",
  to: id.split("-")[1] ?? "",
  pattern: "request-response",
  transport: "http",
  timeout: 30,
  total: null,
  retry: { max: 3, delay: 0.1, backoff: "exponential" },
  breaker: { failures: 5, window: 60 },
  bulkhead: null,
  rate_limit: null,
  cache: null,
  chaos: null,
  error_handling: null,
  source: "shipped",
  origin: "ours",
  state: "in-use",
  substituted_by: null,
  hint: null,
  calls: 10,
  failures: 0,
  rate: 1,
  failure_rate: 0,
  p50_ms: 1,
  p95_ms: 2,
  p99_ms: 3,
  last_error: null,
  targets: [],
  ...part,
});
const target = (breaker_state: BreakerState) => ({ address: breaker_state, breaker_state, calls: 1, failures: 0, next_probe_at: null, since: null });

describe("the condition of a link", () => {
  it("is that of its worst target", () => {
    const states: BreakerState[] = ["closed", "shadow", "half_open", "open", "isolated"];
    const seen = states.map((_, upTo) => conditionOf(link("a-b", { targets: states.slice(0, upTo + 1).map(target) })));
    expect(seen).toEqual(["ok", "shadow", "half_open", "open", "isolated"]);
  });
  it("is quiet before the first call, and absent or substituted whatever its targets say", () => {
    expect(conditionOf(link("a-b", { calls: 0 }))).toBe("quiet");
    expect(conditionOf(link("a-b", { state: "absent", targets: [target("open")] }))).toBe("absent");
    expect(conditionOf(link("a-b", { state: "substituted", calls: 0 }))).toBe("substituted");
    expect(conditionOf(link("a-b", { state: "substituted", calls: 3 }))).toBe("substituted");
    expect(conditionOf(link("a-b", { state: "substituted", targets: [target("isolated")] }))).toBe("isolated");
  });
});

describe("what the start-up proofs found", () => {
  it("stands under its reasons, each once", () => {
    const finding = (to: string, accepted: string) => ({ rows: ["a-b", to], detail: `${to} is slow.`, accepted });
    expect(byReason([])).toEqual([]);
    expect(byReason([finding("b-c", "they load"), finding("b-d", "so it is"), finding("b-e", "they load")])).toEqual([
      { reason: "they load", details: ["a-b → b-c: b-c is slow.", "a-b → b-e: b-e is slow."] },
      { reason: "so it is", details: ["a-b → b-d: b-d is slow."] },
    ]);
  });
});

describe("the table", () => {
  const rows = [link("a-x", { rate: 1, p95_ms: null }), link("b-x", { rate: 5, p95_ms: 10 }), link("c-x", { rate: 3, p95_ms: 4 })];
  const ids = (order: Order | null): string[] => ordered(rows, order).map(({ id }) => id);
  it("sorts either way and keeps what has no value at the end", () => {
    expect(ids({ column: "p95", descending: true })).toEqual(["b-x", "c-x", "a-x"]);
    expect(ids({ column: "p95", descending: false })).toEqual(["c-x", "b-x", "a-x"]);
    expect(ids(null)).toEqual(["a-x", "b-x", "c-x"]);
  });
  it("turns the order round on the second click and drops it on the third", () => {
    const first = nextOrder(null, "rate");
    const second = nextOrder(first, "rate");
    expect([first, second, nextOrder(second, "rate")]).toEqual([{ column: "rate", descending: true }, { column: "rate", descending: false }, null]);
    expect(nextOrder(null, "link")).toEqual({ column: "link", descending: false });
  });
  it("finds by every word and filters by condition", () => {
    const open = link("ai-ollama", { targets: [target("open")] });
    expect(matches(open, "all", "OLLAMA http")).toBe(true);
    expect(matches(open, "all", "ollama grpc")).toBe(false);
    expect(matches(open, "trouble", "")).toBe(true);
    expect(matches(rows[0] as Link, "trouble", "")).toBe(false);
    expect(matches(link("a-b", { state: "absent" }), "active", "")).toBe(false);
    expect(matches(link("a-b", { state: "absent" }), "absent", "")).toBe(true);
  });
});

/** Points of a drawn path, close to one another. */
function along(path: string): { x: number; y: number }[] {
  const steps = [...path.matchAll(/([MLCQ])([^MLCQ]*)/g)].map(([, kind = "", rest = ""]) => ({ kind, at: rest.trim().split(/\s+/).map(Number) }));
  const points: { x: number; y: number }[] = [];
  let from: readonly number[] = [0, 0];
  for (const { kind, at } of steps) {
    const stops = [from, ...Array.from({ length: at.length / 2 }, (_, n) => at.slice(2 * n, 2 * n + 2))];
    if (kind !== "M") for (let n = 0; n <= 40; n += 1) points.push(bezier(stops, n / 40));
    from = at.slice(-2);
  }
  return points;
}
/** De Casteljau: halfway between halfway points. */
function bezier(stops: readonly (readonly number[])[], share: number): { x: number; y: number } {
  if (stops.length === 1) return { x: stops[0]?.[0] ?? 0, y: stops[0]?.[1] ?? 0 };
  const mix = (a: readonly number[], b: readonly number[]): number[] => [0, 1].map((axis) => (a[axis] ?? 0) + ((b[axis] ?? 0) - (a[axis] ?? 0)) * share);
  return bezier(stops.slice(1).map((stop, index) => mix(stops[index] ?? [], stop)), share);
}

describe("the map", () => {
  const shipped = readFileSync("../src/autobot/matrix.toml", "utf8");
  const matrix = [...shipped.matchAll(/^\[rows\.([\w-]+)\]/gm)].map(([, id]) => link(id ?? ""));
  describe.each([
    ["wide", WIDE],
    ["narrow", NARROW],
  ])("%s", (_, layout) => {
    it("draws every link, and no two parts over one another", () => {
      const { boxes, lines } = draw(matrix, layout);
      expect(lines).toHaveLength(matrix.length);
      const inner = boxes.filter(({ frame }) => !frame);
      for (const a of inner) {
        for (const b of inner) {
          if (a === b) continue;
          const apart = a.x + a.width <= b.x || b.x + b.width <= a.x || a.y + a.height <= b.y || b.y + b.height <= a.y;
          expect(apart, `${a.id} over ${b.id}`).toBe(true);
        }
      }
    });
    it("has a place for every part that the shipped matrix names", () => {
      expect(matrix.length).toBeGreaterThan(20);
      expect(draw(matrix, layout).height).toBe(layout.height);
    });
    it("shows the readings of the backend as a part inside it", () => {
      const { boxes } = draw(matrix, layout);
      const [backend, reports] = ["backend", "reports"].map((id) => boxes.find((box) => box.id === id));
      expect(backend && reports && reports.x > backend.x && reports.y > backend.y && reports.x + reports.width < backend.x + backend.width && reports.y + reports.height < backend.y + backend.height).toBe(true);
    });
    it("keeps everything inside the picture, also parts that an operator added", () => {
      const many = Array.from({ length: 20 }, (_, index) => link(`own${index}-backend`));
      const { width, height, boxes } = draw([...matrix, ...many], layout);
      expect(boxes).toHaveLength(new Set([...matrix, ...many].flatMap(({ id }) => id.split("-"))).size);
      for (const box of boxes) {
        expect(box.x >= 0 && box.x + box.width <= width, box.id).toBe(true);
        expect(box.y >= 0 && box.y + box.height <= height, box.id).toBe(true);
      }
    });
    it("leads no line over a part that is not its end", () => {
      const { boxes, lines } = draw(matrix, layout);
      for (const { link: row, path } of lines) {
        const ends = row.id.split("-");
        for (const at of along(path)) {
          const hit = boxes.find((box) => !box.frame && !ends.includes(box.id) && at.x > box.x && at.x < box.x + box.width && at.y > box.y && at.y < box.y + box.height);
          expect(hit?.id, row.id).toBeUndefined();
        }
      }
    });
  });
  it("fits a phone without scrolling when it is narrow, and gives the first number of each line alone", () => {
    expect(draw(matrix, NARROW).width).toBeLessThanOrEqual(390);
    expect(draw(matrix, NARROW).lines.some(({ label }) => label.long)).toBe(false);
    expect(draw(matrix, WIDE).lines.some(({ label }) => label.long)).toBe(true);
  });
  it("draws both ways between the same parts apart from one another", () => {
    const [there, back] = draw([link("backend-ai"), link("ai-backend")]).lines;
    expect(there?.path).not.toBe(back?.path);
  });
  it("draws as there only the parts that are there: a stand-in does not make Redis appear", () => {
    const rows = [
      link("backend-redis", { state: "substituted", substituted_by: "frames in this process", calls: 9 }),
      link("backend-store", { state: "substituted", substituted_by: "services-repositories" }),
      link("services-repositories"),
      link("ai-npu", { state: "absent" }),
    ];
    expect([...presentParts(rows)].sort()).toEqual(["backend", "repositories", "services", "store"]);
  });
  it("draws the lines that leave one side of a part apart from one another", () => {
    const lines = draw([link("services-repositories"), link("services-publisher"), link("services-event_bus")]).lines;
    const starts = lines.map(({ path }) => path.split(" C")[0]);
    expect(new Set(starts).size).toBe(3);
  });
  it("shows at a part the worst trouble of the calls to it, not of its own calls", () => {
    const rows = [link("ai-ollama", { targets: [target("half_open")] }), link("gateway-ai", { targets: [target("open")] }), link("backend-ai", { targets: [target("half_open")] }), link("backend-redis", { state: "substituted" }), link("ai-npu", { state: "absent" })];
    const found = standings(rows);
    expect(["gateway", "backend", "ai", "ollama", "redis", "npu"].map((part) => found.get(part))).toEqual(["fine", "fine", "open", "half_open", "replaced", "absent"]);
  });
  it("makes busier lines thicker, within bounds", () => {
    const widths = [0, 0.1, 1, 10, 100, 1e6].map(thickness);
    expect(widths).toEqual([...widths].sort((a, b) => a - b));
    expect(widths[0]).toBe(1.5);
    expect(Math.max(...widths)).toBeLessThanOrEqual(6);
  });
});

describe("faults on purpose", () => {
  it("are there while any of their chances is above nought", () => {
    const chaos = { latency: 1, latency_rate: 0, fault_rate: 0, abort_rate: 0 };
    expect([null, chaos, { ...chaos, fault_rate: 0.1 }, { ...chaos, latency_rate: 1 }].map((one) => hasFaults({ chaos: one }))).toEqual([false, false, true, true]);
  });
  it("and other failures are named in words", () => {
    expect([codeWords("chaos"), codeWords("something-new")]).toEqual(["A fault made on purpose", "something-new"]);
  });
});
