import { describe, expect, it } from "vitest";
import type { ClientFrame, EventFrame, ServerFrame } from "@/contracts/realtime";
import { readFrame, silent, step, type Effect, type Input, type Wire } from "./protocol";

const run = (wire: Wire, ...inputs: Input[]): [Wire, Effect[]] => {
  const all: Effect[] = [];
  for (const input of inputs) {
    const [next, effects] = step(wire, input, (failures) => 250 * 2 ** failures);
    wire = next;
    all.push(...effects);
  }
  return [wire, all];
};
const sent = (effects: readonly Effect[]): ClientFrame[] => effects.flatMap((effect) => (effect.kind === "send" ? [effect.frame] : []));
const fact = (channel: string, seq: number): EventFrame => ({ type: "event", channel, seq, event: { type: "autobot.x.y.v1" } });
const hear = (frame: ServerFrame): Input => ({ kind: "frame", frame });

describe("the wire", () => {
  it("dials on the first subscription and asks when it is open", () => {
    const [, effects] = run(silent, { kind: "subscribe", channel: "run:a", after: 0 }, { kind: "opened" });
    expect(effects).toEqual([{ kind: "dial" }, { kind: "send", frame: { type: "subscribe", channel: "run:a", after: 0 } }]);
  });
  it("asks after a reconnect for what it missed, channel by channel", () => {
    const [wire] = run(silent, { kind: "subscribe", channel: "a", after: 0 }, { kind: "subscribe", channel: "b", after: null }, { kind: "opened" }, hear(fact("a", 7)));
    const [, effects] = run(wire, { kind: "closed" }, { kind: "due" }, { kind: "opened" });
    expect(sent(effects)).toEqual([
      { type: "subscribe", channel: "a", after: 7 },
      { type: "subscribe", channel: "b" },
    ]);
  });
  it("waits longer after each dial that fails, and starts over once it was open", () => {
    const waits = (effects: readonly Effect[]): number[] => effects.flatMap((effect) => (effect.kind === "wait" ? [effect.ms] : []));
    const [wire, effects] = run(silent, { kind: "subscribe", channel: "a", after: null }, { kind: "closed" }, { kind: "due" }, { kind: "closed" }, { kind: "due" }, { kind: "closed" });
    expect(waits(effects)).toEqual([500, 1_000, 2_000]);
    const [, later] = run(wire, { kind: "due" }, { kind: "opened" }, { kind: "closed" });
    expect(waits(later)).toEqual([250]);
  });
  it("hands each fact on once, however often it comes", () => {
    const [, effects] = run(silent, { kind: "subscribe", channel: "a", after: 0 }, { kind: "opened" }, hear(fact("a", 1)), hear(fact("a", 2)), hear(fact("a", 1)), hear(fact("a", 2)), hear(fact("a", 3)));
    expect(effects.flatMap((effect) => (effect.kind === "deliver" && effect.frame.type === "event" ? [effect.frame.seq] : []))).toEqual([1, 2, 3]);
  });
  it("on resync forgets its place, asks from now on, and tells the owner to read again", () => {
    const [wire] = run(silent, { kind: "subscribe", channel: "a", after: 0 }, { kind: "opened" }, hear(fact("a", 9)));
    const [after, effects] = run(wire, hear({ type: "resync", channel: "a", reason: "slow" }));
    expect(after.channels).toEqual({ a: null });
    expect(effects.map(({ kind }) => kind)).toEqual(["send", "deliver"]);
    expect(sent(effects)).toEqual([{ type: "subscribe", channel: "a" }]);
  });
  it("hangs up when a ping stays without any answer", () => {
    const [wire] = run(silent, { kind: "subscribe", channel: "a", after: null }, { kind: "opened" });
    expect(run(wire, { kind: "beat" }, { kind: "beat" })[1].at(-1)).toEqual({ kind: "hang-up" });
    expect(run(wire, { kind: "beat" }, hear({ type: "pong" }), { kind: "beat" })[1].at(-1)).toEqual({ kind: "send", frame: { type: "ping" } });
  });
  it("stays silent when nothing is subscribed any more", () => {
    const [wire, effects] = run(silent, { kind: "subscribe", channel: "a", after: null }, { kind: "opened" }, { kind: "unsubscribe", channel: "a" }, { kind: "closed" });
    expect(wire).toEqual(silent);
    expect(effects.some(({ kind }) => kind === "wait")).toBe(false);
  });
  it("drops frames of channels that were left", () => {
    expect(run({ ...silent, phase: "open" }, hear(fact("gone", 1)))[1]).toEqual([]);
  });
});

describe("frames", () => {
  it("that are broken or unknown are no frames", () => {
    for (const text of ["", "{", "null", "[]", "1", '{"type":1}', '{"type":"execute","code":"x"}']) expect(readFrame(text)).toBeNull();
    expect(readFrame('{"type":"pong"}')).toEqual({ type: "pong" });
  });
});
