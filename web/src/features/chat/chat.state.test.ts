import { describe, expect, it } from "vitest";
import type { Message } from "@/contracts/api";
import type { ChannelFrame } from "@/contracts/realtime";
import {
  accepted,
  apply,
  bubbles,
  codePoints,
  cutBefore,
  draftBecomes,
  draftPosted,
  draftRetried,
  emptyThread,
  isAnswering,
  nextToSend,
  startRun,
  withDraft,
  withMessages,
  withRunRead,
  type Thread,
} from "./chat.state";

const NOW = "2026-01-01T00:00:00Z";
const RUN = "r1";
const message = (id: string, part: Partial<Message> = {}): Message => ({
  id,
  role: "user",
  content: id,
  created_at: NOW,
  run_id: null,
  parent_id: null,
  status: "complete",
  model: null,
  served_by: null,
  usage: null,
  error: null,
  finish_reason: null,
  tool_calls: [],
  citations: [],
  siblings: [id],
  left_out: [], brought: false, route: null, grounding: null,
  ...part,
});
const answering = (): Thread => ({ ...emptyThread("s"), run: startRun(RUN, NOW) });
const fact = (seq: number, name: string, data: object = {}): ChannelFrame => ({ type: "event", channel: `run:${RUN}`, seq, event: { type: `autobot.runs.${name}.v1`, time: NOW, data } });
const delta = (offset: number, text: string): ChannelFrame => ({ type: "delta", channel: `run:${RUN}`, run_id: RUN, offset, text });
const snapshot = (text: string): ChannelFrame => ({ type: "snapshot", channel: `run:${RUN}`, run_id: RUN, text });
const play = (thread: Thread, ...frames: ChannelFrame[]): Thread => frames.reduce(apply, thread);
const textOf = (thread: Thread): string | undefined => thread.run?.text;

describe("the text of an answer", () => {
  it("grows by deltas at its end", () => {
    expect(textOf(play(answering(), delta(0, "Hel"), delta(3, "lo")))).toBe("Hello");
  });
  it("counts code points, as the server does", () => {
    expect(codePoints("a😀é")).toBe(3);
    expect(textOf(play(answering(), delta(0, "😀😀"), delta(2, "!")))).toBe("😀😀!");
  });
  it("takes from a delta that overlaps only what is new", () => {
    expect(textOf(play(answering(), delta(0, "😀bc"), delta(1, "bcd"), delta(0, "😀b")))).toBe("😀bcd");
  });
  it("stops at a hole until a snapshot brings the whole, and goes on from there", () => {
    const holed = play(answering(), delta(0, "ab"), delta(5, "fg"), delta(7, "h"));
    expect(holed.run).toMatchObject({ text: "ab", hole: true });
    expect(play(holed, snapshot("abcdefgh"), delta(8, "i")).run).toMatchObject({ text: "abcdefghi", hole: false });
  });
  it("comes out the same however deltas are lost, doubled and reordered, once a snapshot has come", () => {
    const whole = "Größe 😀 über alles, mit vielen Wörtern und 中文.";
    const points = Array.from(whole);
    let seed = 11;
    const chance = (): number => (seed = (seed * 48271) % 2147483647) / 2147483647;
    for (let trial = 0; trial < 300; trial += 1) {
      let thread = answering();
      for (let turn = 0; turn < 12; turn += 1) {
        const from = Math.floor(chance() * points.length);
        const to = from + Math.floor(chance() * 9);
        thread = apply(thread, delta(from, points.slice(from, to).join("")));
        expect(whole.startsWith(textOf(thread) ?? "?")).toBe(true);
      }
      const upTo = Math.floor(chance() * points.length);
      thread = play(thread, snapshot(points.slice(0, upTo).join("")), delta(upTo, points.slice(upTo).join("")));
      expect(textOf(thread)).toBe(whole);
    }
  });
  it("ignores what belongs to another run", () => {
    const other: ChannelFrame = { type: "delta", channel: "run:r2", run_id: "r2", offset: 0, text: "x" };
    const thread = answering();
    expect(apply(thread, other)).toBe(thread);
  });
});

describe("the facts of a run", () => {
  const ended = fact(9, "run_completed", { message_id: "m2" });
  it("say what is waited for, until text or the step's end comes", () => {
    const waiting = play(answering(), fact(1, "run_started"), fact(2, "step_started", { step: 0, kind: "model", link: "ai-ollama", target: "http://x" }));
    expect(waiting.run?.waiting).toMatchObject({ link: "ai-ollama", target: "http://x", since: NOW });
    expect(apply(waiting, delta(0, "a")).run?.waiting).toBeNull();
    expect(apply(waiting, fact(3, "step_completed", { step: 0 })).run?.waiting).toBeNull();
  });
  it("count once, however often they come", () => {
    const frames = [fact(1, "run_started"), fact(2, "step_started", { step: 1, kind: "tool", detail: { id: "c1", name: "time", arguments: {} } }), ended];
    expect(play(answering(), ...frames, ...frames)).toEqual(play(answering(), ...frames));
  });
  it("show a tool call from its start to its end, with result and duration", () => {
    const called = play(answering(), fact(1, "step_started", { step: 1, kind: "tool", name: "tool-time", detail: { id: "c1", name: "time", arguments: { zone: "UTC" } } }));
    expect(called.run?.tools).toEqual([{ id: "c1", name: "time", arguments: { zone: "UTC" }, state: "running", result: null, duration_ms: null }]);
    const done = play(called, fact(2, "step_completed", { step: 1, duration_ms: 4, output: { state: "completed", result: "12:00" } }));
    expect(done.run?.tools).toMatchObject([{ id: "c1", name: "time", state: "completed", result: "12:00", duration_ms: 4 }]);
    const failed = play(called, fact(2, "step_failed", { step: 1, duration_ms: 4, error: { code: "x", detail: "no clock" } }));
    expect(failed.run?.tools).toMatchObject([{ state: "failed", result: "no clock" }]);
  });
  it("end the answer with its cause, ask for the stored message, and let no late delta in", () => {
    const error = { code: "connection-lost", detail: "broke", correlation_id: "c" };
    const failed = play(answering(), delta(0, "ab"), fact(3, "run_failed", { error }), delta(2, "c"));
    expect(failed).toMatchObject({ stale: true, run: { state: "failed", text: "ab", error } });
    expect(isAnswering(failed)).toBe(false);
    for (const [name, state] of [["run_completed", "completed"], ["run_stopped", "stopped"], ["run_interrupted", "interrupted"]] as const) {
      expect(play(answering(), fact(1, name))).toMatchObject({ stale: true, run: { state } });
    }
  });
  it("on resync ask for everything again", () => {
    expect(apply(answering(), { type: "resync", channel: `run:${RUN}`, reason: "slow" }).stale).toBe(true);
  });
});

describe("old snapshot and events together", () => {
  it("show what a fresh snapshot shows", () => {
    const stored = [message("m1"), message("m2", { role: "assistant", run_id: RUN, content: "Hello", status: "complete" })];
    const fresh = withMessages(emptyThread("s"), stored, null, NOW);
    const before = withMessages(emptyThread("s"), [message("m1"), message("m2", { role: "assistant", run_id: RUN, content: "", status: "streaming" })], RUN, NOW);
    const followed = play(before, fact(1, "run_started"), delta(0, "Hello"), fact(2, "run_completed", { message_id: "m2" }));
    expect(bubbles(followed).map(({ message: each, live }) => [each.id, live?.text ?? each.content])).toEqual(bubbles(fresh).map(({ message: each }) => [each.id, each.content]));
    expect(withMessages({ ...followed, stale: false }, stored, null, NOW)).toEqual(fresh);
  });
  it("keep the messages that did not change as they are, so that nothing is drawn twice", () => {
    const first = withMessages(emptyThread("s"), [message("m1"), message("m2")], null, NOW);
    const again = withMessages(first, [message("m1"), message("m2", { content: "changed" })], null, NOW);
    expect(again.messages[0]).toBe(first.messages[0]);
    expect(again.messages[1]).toMatchObject({ content: "changed" });
  });
  it("keep the words of an answer that the server lost when it was killed, and no others", () => {
    const before = play({ ...withMessages(emptyThread("s"), [message("m1")], RUN, NOW), run: startRun(RUN, NOW) }, delta(0, "half an answer"));
    const reply = (part: Partial<Message>): Message => message("m2", { role: "assistant", run_id: RUN, content: "", ...part });
    const cut = withMessages(before, [message("m1"), reply({ status: "interrupted" })], null, NOW);
    expect(cut.messages[1]?.content).toBe("half an answer");
    expect(withMessages(cut, [message("m1"), reply({ status: "interrupted" })], null, NOW).messages[1]).toBe(cut.messages[1]);
    const later = emptyThread("s", [], cut.kept);
    expect(withMessages(later, [reply({ status: "interrupted" })], null, NOW).messages[0]?.content).toBe("half an answer");
    expect(withMessages(before, [reply({ status: "complete", content: "all" })], null, NOW).messages[0]?.content).toBe("all");
    expect(withMessages(before, [reply({ status: "interrupted", content: "half an answer and more" })], null, NOW).kept).toEqual({});
  });
  it("keep the words when the server that came back says first that there are none", () => {
    const before = play({ ...withMessages(emptyThread("s"), [message("m1")], RUN, NOW), run: startRun(RUN, NOW) }, delta(0, "half an answer"));
    const emptied = apply(before, snapshot(""));
    const reply = (part: Partial<Message>): Message => message("m2", { role: "assistant", run_id: RUN, content: "", ...part });
    expect(withMessages(emptied, [message("m1"), reply({ status: "interrupted" })], null, NOW).messages[1]?.content).toBe("half an answer");
    expect(withMessages(emptied, [message("m1"), reply({ status: "complete", content: "all" })], null, NOW).messages[1]?.content).toBe("all");
  });
  it("learn of an answer that another window asked for", () => {
    const thread = withMessages(emptyThread("s"), [message("m1")], null, NOW);
    const asked: ChannelFrame = { type: "event", channel: "chat.session:s", seq: 4, event: { type: "autobot.chat.reply_requested.v1", time: NOW, data: { run_id: "r9" } } };
    expect(apply(thread, asked)).toMatchObject({ stale: true, run: { id: "r9", state: "queued" } });
  });
  it("keep the live answer while a read that is older than it comes in", () => {
    const thread = accepted(emptyThread("s"), { message_id: "m1", reply_id: "m2", run_id: RUN, events_url: "" }, NOW);
    expect(withMessages(thread, [message("m0")], null, NOW).run?.id).toBe(RUN);
  });
  it("show an answer whose message is not stored yet at the end", () => {
    const thread = { ...withMessages(emptyThread("s"), [message("m1")], null, NOW), run: startRun(RUN, NOW) };
    expect(bubbles(thread).map(({ live }) => live?.id ?? null)).toEqual([null, RUN]);
  });
});

describe("asking the run itself", () => {
  const read = { id: RUN, session_id: "s", message_id: "m2", state: "running" as const, waiting_for: null, started_at: NOW, ended_at: null, error: null, text: "Hello" };
  it("fills in text that was missed and never takes back what is shown", () => {
    expect(textOf(withRunRead(play(answering(), delta(0, "He")), read))).toBe("Hello");
    expect(textOf(withRunRead(play(answering(), delta(0, "Hello, you")), read))).toBe("Hello, you");
  });
  it("ends a wait whose end was never heard", () => {
    expect(withRunRead(answering(), { ...read, state: "interrupted" })).toMatchObject({ stale: true, run: { state: "interrupted" } });
  });
});

describe("messages typed meanwhile", () => {
  it("wait for the answer, then go in the order in which they were typed", () => {
    const busy = withDraft(withDraft(answering(), "k1", "one", "queued"), "k2", "two", "queued");
    expect(nextToSend(busy)).toBeNull();
    const free = { ...busy, run: null };
    expect(nextToSend(free)?.key).toBe("k1");
    expect(nextToSend(draftBecomes(free, "k1", "sending"))).toBeNull();
    expect(nextToSend(draftPosted(free, "k1", "m1"))?.key).toBe("k2");
  });
  it("do not overtake one that failed, and keep its key when it is sent again", () => {
    const failed = draftBecomes(withDraft(withDraft(emptyThread("s"), "k1", "one", "queued"), "k2", "two", "queued"), "k1", "failed", new Error("x"));
    expect(nextToSend(failed)).toBeNull();
    expect(nextToSend(draftRetried(failed, "k1", "k1"))).toMatchObject({ key: "k1", error: null });
  });
  it("stay on the screen until the stored branch shows them", () => {
    const posted = draftPosted(withDraft(emptyThread("s"), "k1", "one", "sending"), "k1", "m1");
    expect(withMessages(posted, [message("m0")], null, NOW).drafts).toHaveLength(1);
    expect(withMessages(posted, [message("m0"), message("m1")], null, NOW).drafts).toHaveLength(0);
  });
});

it("an edit takes the branch away from its message on", () => {
  const thread = withMessages(emptyThread("s"), [message("m1"), message("m2"), message("m3")], null, NOW);
  expect(cutBefore(thread, "m2").messages.map(({ id }) => id)).toEqual(["m1"]);
  expect(cutBefore(thread, "gone")).toBe(thread);
});
