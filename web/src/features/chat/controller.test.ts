import { beforeEach, describe, expect, it } from "vitest";
import type { Accepted, Message, Run, Session } from "@/contracts/api";
import type { ChannelFrame } from "@/contracts/realtime";
import { ApiError } from "@/shared/http";
import type { Handler } from "@/shared/realtime";
import { bubbles } from "./chat.state";
import { ChatController, type ChatMeans } from "./controller";
import { keepDrafts } from "./drafts";

const NOW = "2026-01-01T00:00:00Z";

/** A chat server in memory: keeps each idempotency key once, answers when it is told to, and can be cut off. */
class FakeServer {
  readonly messages: Message[] = [];
  readonly keys = new Map<string, Accepted>();
  sessions = 0;
  posts = 0;
  /** The next calls fail like this; `late` still does the work before the answer is lost. */
  trouble: { error: ApiError; late?: boolean } | null = null;
  activeRun: string | null = null;
  runState: Run["state"] = "running";

  session(): Session {
    return { id: "s", title: "T", model: null, documents: { first: false, collections: [] }, created_at: NOW, updated_at: NOW, message_count: this.messages.length, active_run_id: this.activeRun };
  }

  post(content: string, key: string): Accepted {
    const before = this.keys.get(key);
    if (before) return before;
    this.posts += 1;
    const answer = { message_id: `m${this.posts}`, reply_id: `a${this.posts}`, run_id: `r${this.posts}`, events_url: "" };
    this.keys.set(key, answer);
    this.activeRun = answer.run_id;
    this.messages.push(message(answer.message_id, { content }), message(answer.reply_id, { role: "assistant", run_id: answer.run_id, status: "streaming", content: "" }));
    return answer;
  }

  finish(content: string): void {
    const last = this.messages.at(-1);
    if (last) Object.assign(last, { content, status: "complete" });
    this.activeRun = null;
  }

  async pass<T>(work: () => T): Promise<T> {
    const { trouble } = this;
    if (trouble?.late) work();
    if (trouble) throw trouble.error;
    return work();
  }
}

function message(id: string, part: Partial<Message>): Message {
  const rest = { run_id: null, parent_id: null, model: null, served_by: null, usage: null, error: null, finish_reason: null, tool_calls: [], citations: [], left_out: [], brought: false, route: null, grounding: null };
  return { id, role: "user", content: "", created_at: NOW, status: "complete", siblings: [id], ...rest, ...part };
}

function world() {
  const server = new FakeServer();
  const handlers = new Map<string, Handler>();
  const refreshed: string[] = [];
  const clock = { now: Date.parse(NOW) };
  let keys = 0;
  const asked = (): Promise<Accepted> => server.pass(() => server.post("again", `own-${(keys += 1)}`));
  const means: ChatMeans = {
    now: () => clock.now,
    newKey: () => `k${(keys += 1)}`,
    realtime: {
      subscribe: (channel, handler) => {
        handlers.set(channel, handler);
        return () => handlers.delete(channel);
      },
      refresh: (channel) => refreshed.push(channel),
    },
    server: {
      readSession: () => server.pass(() => server.session()),
      readMessages: () => server.pass(() => server.messages.map((each) => ({ ...each }))),
      readRun: (id) => server.pass(() => ({ id, session_id: "s", message_id: "a1", state: server.runState, waiting_for: null, started_at: NOW, ended_at: null, error: null, text: "so far" }) as unknown as Run),
      createSession: () => server.pass(() => ((server.sessions += 1), server.session())),
      changeSession: () => server.pass(() => server.session()),
      postMessage: (_, content, key) => server.pass(() => server.post(content, key)),
      editMessage: asked,
      regenerate: asked,
      selectBranch: () => server.pass(() => server.session()),
      stopRun: () => server.pass(() => null),
    },
  };
  const made: string[] = [];
  const chat = new ChatController({ model: () => null, documents: () => ({ first: false, collections: [] }), created: ({ id }) => made.push(id), changed: () => undefined }, means);
  const say = (frame: ChannelFrame): void => {
    if (frame.channel) handlers.get(frame.channel)?.(frame);
  };
  return { server, chat, say, handlers, refreshed, clock, made };
}

/** Lets every promise that can go on go on. */
const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
};
const shown = (chat: ChatController): string[] => [...bubbles(chat.thread.value).map(({ message: each, live }) => live?.text ?? each.content), ...chat.thread.value.drafts.map(({ content, state }) => `${content} (${state})`)];
const network = new ApiError("network", "refused");

describe("a chat", () => {
  beforeEach(() => localStorage.clear());

  it("is made with its first message, which is shown at once and answered live", async () => {
    const { chat, server, say, made } = world();
    chat.open(null);
    chat.send("hello");
    expect(shown(chat)).toEqual(["hello (sending)"]);
    await settle();
    expect([server.sessions, made]).toEqual([1, ["s"]]);
    chat.follow("r1");
    say({ type: "delta", channel: "run:r1", run_id: "r1", offset: 0, text: "Hi" });
    expect(shown(chat)).toEqual(["Hi", "hello (posted)"]);
    server.finish("Hi there");
    await chat.reload();
    expect(shown(chat)).toEqual(["hello", "Hi there"]);
  });

  it("loses no message when the server is away: it stays, says why, and goes with its own key", async () => {
    const { chat, server } = world();
    chat.open("s");
    await settle();
    server.trouble = { error: network, late: true };
    chat.send("once");
    await settle();
    expect(chat.thread.value.drafts).toMatchObject([{ state: "failed", error: network }]);
    server.trouble = null;
    chat.retryDraft(chat.thread.value.drafts[0]?.key ?? "");
    await settle();
    expect(server.posts).toBe(1);
    await chat.reload();
    expect(server.messages.filter(({ content }) => content === "once")).toHaveLength(1);
  });

  it("asks anew, under a new key, what was refused", async () => {
    const { chat, server } = world();
    chat.open("s");
    await settle();
    const problem = { type: "urn:autobot:problem:conflict", title: "Conflict", status: 409, code: "conflict", correlation_id: "c" };
    server.trouble = { error: new ApiError("problem", "not now", { problem }) };
    chat.send("later");
    await settle();
    const key = chat.thread.value.drafts[0]?.key ?? "";
    server.trouble = null;
    chat.retryDraft(key);
    await settle();
    expect([...server.keys.keys()]).not.toContain(key);
    expect(server.posts).toBe(1);
  });

  it("queues what is typed during an answer and sends it when that has ended", async () => {
    const { chat, server } = world();
    chat.open("s");
    await settle();
    chat.send("one");
    await settle();
    chat.send("two");
    chat.send("three");
    await settle();
    expect(server.posts).toBe(1);
    server.finish("first answer");
    await chat.reload();
    await settle();
    expect(server.posts).toBe(2);
    server.finish("second answer");
    await chat.reload();
    await settle();
    expect(server.messages.filter(({ role }) => role === "user").map(({ content }) => content)).toEqual(["one", "two", "three"]);
  });

  it("sends after a reload what was being sent before it, once", async () => {
    const { chat, server } = world();
    server.post("typed before the reload", "kept");
    server.finish("answered");
    keepDrafts("s", [{ key: "kept", content: "typed before the reload", state: "sending", error: null, messageId: null }]);
    chat.open("s");
    await settle();
    expect(server.posts).toBe(1);
    await chat.reload();
    expect(shown(chat)).toEqual(["typed before the reload", "answered"]);
  });

  it("asks for a snapshot when deltas were lost", async () => {
    const { chat, say, refreshed } = world();
    chat.open("s");
    await settle();
    chat.send("x");
    await settle();
    chat.follow("r1");
    say({ type: "delta", channel: "run:r1", run_id: "r1", offset: 9, text: "late" });
    say({ type: "delta", channel: "run:r1", run_id: "r1", offset: 13, text: "r" });
    expect(refreshed).toEqual(["run:r1"]);
  });

  it("asks a silent run itself, and ends the wait when that has ended", async () => {
    const { chat, server, clock } = world();
    chat.open("s");
    await settle();
    chat.send("x");
    await settle();
    await chat.askRun();
    expect(chat.thread.value.run?.text).toBe("");
    clock.now += 10_000;
    await chat.askRun();
    expect(chat.thread.value.run?.text).toBe("so far");
    server.runState = "interrupted";
    clock.now += 10_000;
    await chat.askRun();
    expect(chat.thread.value).toMatchObject({ stale: true, run: { state: "interrupted" } });
  });

  it("cuts the branch on regeneration, and keeps it when that is refused", async () => {
    const { chat, server } = world();
    server.post("question", "k");
    server.finish("answer");
    chat.open("s");
    await settle();
    server.trouble = { error: network };
    expect(await chat.regenerate("a1")).toBe(false);
    expect(shown(chat)).toEqual(["question", "answer"]);
    expect(chat.actionError.value).toBe(network);
    server.trouble = null;
    expect(await chat.regenerate("a1")).toBe(true);
    expect(shown(chat)).toEqual(["question", ""]);
  });

  it("leaves its channels when another chat is opened", async () => {
    const { chat, handlers } = world();
    chat.open("s");
    await settle();
    expect([...handlers.keys()]).toEqual(["chat.session:s"]);
    chat.open(null);
    expect([...handlers.keys()]).toEqual([]);
    expect(shown(chat)).toEqual([]);
  });
});
