/**
 * What a chat screen knows, as pure functions of what the server said.
 *
 * Facts (`event` frames) decide; deltas only draw ahead of them. A delta that does not start where the text ends
 * shows a hole: nothing more is drawn until a snapshot brings the whole text. Offsets count code points, as the server does.
 */
import type { Accepted, Cause, Citation, Message, Model, Run, RunState, ToolCall, WaitingFor } from "@/contracts/api";
import type { ChannelFrame, EventFrame } from "@/contracts/realtime";

/** One answer that is being written. */
export interface LiveRun {
  readonly id: string;
  /** Last fact applied; 0 before the first. */
  readonly seq: number;
  readonly state: RunState;
  readonly text: string;
  /** Code points in `text`. */
  readonly length: number;
  /** Deltas were lost: the text waits for a snapshot. */
  readonly hole: boolean;
  readonly waiting: WaitingFor | null;
  readonly tools: readonly ToolCall[];
  /** Which tool call a step is, by the step's number. */
  readonly toolSteps: Readonly<Record<number, string>>;
  readonly citations: readonly Citation[];
  readonly error: Cause | null;
  /** The message that this run answers with, when known. */
  readonly messageId: string | null;
  readonly since: string;
}

/** A message on its way: typed, not yet known to the server. */
export interface Draft {
  /** Also the idempotency key of its request: sending it again cannot post it twice. */
  readonly key: string;
  readonly content: string;
  readonly state: "queued" | "sending" | "posted" | "failed";
  readonly error: unknown;
  /** The message that it became, once posted. */
  readonly messageId: string | null;
}

export type Kept = Readonly<Record<string, string>>;

export interface Thread {
  readonly sessionId: string | null;
  readonly messages: readonly Message[];
  readonly run: LiveRun | null;
  readonly drafts: readonly Draft[];
  /** Words of answers that were cut off, by run: seen here, and no longer known to the server. */
  readonly kept: Kept;
  /** The stored messages have changed since they were read. */
  readonly stale: boolean;
}

export const emptyThread = (sessionId: string | null = null, drafts: readonly Draft[] = [], kept: Kept = {}): Thread => ({
  sessionId,
  messages: [],
  run: null,
  drafts,
  kept,
  stale: false,
});

export const codePoints = (text: string): number => {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
};

const afterCodePoints = (text: string, skip: number): string => Array.from(text).slice(skip).join("");

const ENDED: readonly RunState[] = ["completed", "failed", "stopped", "interrupted"];
export const hasEnded = (state: RunState): boolean => ENDED.includes(state);

export function startRun(id: string, since: string, messageId: string | null = null): LiveRun {
  return {
    id,
    seq: 0,
    state: "queued",
    text: "",
    length: 0,
    hole: false,
    waiting: null,
    tools: [],
    toolSteps: {},
    citations: [],
    error: null,
    messageId,
    since,
  };
}

/** Applies one frame of the thread's channels. A frame of another run, a repeated fact or a repeated delta changes nothing. */
export function apply(thread: Thread, frame: ChannelFrame): Thread {
  if (frame.type === "resync") return { ...thread, stale: true };
  if (frame.type === "event" && frame.channel === `chat.session:${thread.sessionId}`) return sessionFact(thread, frame);
  const { run } = thread;
  if (run === null || frame.channel !== `run:${run.id}`) return thread;
  const next = applyToRun(run, frame);
  if (next === run) return thread;
  // A server that was started anew knows nothing of the words that it sent: who has read them does not lose them.
  const kept = next.length < run.length ? { ...thread.kept, [run.id]: run.text } : thread.kept;
  return { ...thread, run: next, kept, stale: thread.stale || (hasEnded(next.state) && !hasEnded(run.state)) };
}

function sessionFact(thread: Thread, frame: EventFrame): Thread {
  const runId = textOf(dataOf(frame).run_id);
  const isNew = runId !== null && thread.run === null && !thread.messages.some((message) => message.run_id === runId && message.role === "assistant");
  const begins = isNew && factName(frame.event.type) === "reply_requested";
  return { ...thread, run: begins ? startRun(runId, frame.event.time ?? "") : thread.run, stale: true };
}

function applyToRun(run: LiveRun, frame: ChannelFrame): LiveRun {
  switch (frame.type) {
    case "snapshot":
      return { ...run, text: frame.text, length: codePoints(frame.text), hole: false, waiting: frame.text ? null : run.waiting };
    case "delta": {
      if (run.hole || hasEnded(run.state)) return run;
      if (frame.offset > run.length) return { ...run, hole: true };
      const known = run.length - frame.offset;
      const text = known === 0 ? frame.text : afterCodePoints(frame.text, known);
      if (text === "") return run;
      return { ...run, text: run.text + text, length: run.length + codePoints(text), state: "running", waiting: null };
    }
    case "event":
      return frame.seq <= run.seq ? run : { ...applyFact(run, frame), seq: frame.seq };
    default:
      return run;
  }
}

const objectOf = (value: unknown): Record<string, unknown> => (typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {});
const dataOf = (frame: EventFrame): Record<string, unknown> => objectOf(frame.event.data);
const textOf = (value: unknown): string | null => (typeof value === "string" && value !== "" ? value : null);

/** `autobot.runs.step_started.v1` → `step_started`. */
const factName = (type: string): string => type.split(".").at(-2) ?? type;

function applyFact(run: LiveRun, frame: EventFrame): LiveRun {
  const data = dataOf(frame);
  const time = frame.event.time ?? run.since;
  switch (factName(frame.event.type)) {
    case "run_started":
      return { ...run, state: "running", since: time };
    case "step_started":
      return data.kind === "tool" ? toolStarted(run, data) : { ...run, state: "running", waiting: waitingFor(data, time) };
    case "step_completed":
      return toolEnded(run, data, "completed", data.output);
    case "step_failed":
      return toolEnded(run, data, "failed", { result: objectOf(data.error).detail });
    case "run_completed":
      return { ...run, state: "completed", waiting: null, messageId: textOf(data.message_id) ?? run.messageId };
    case "run_stopped":
      return { ...run, state: "stopped", waiting: null };
    case "run_failed":
    case "run_interrupted":
      return { ...run, state: factName(frame.event.type) === "run_failed" ? "failed" : "interrupted", waiting: null, error: (data.error as Cause | undefined) ?? null };
    default:
      return run;
  }
}

const waitingFor = (data: Record<string, unknown>, since: string): WaitingFor => ({ link: textOf(data.link), target: textOf(data.target), since, detail: textOf(data.detail) });

function toolStarted(run: LiveRun, data: Record<string, unknown>): LiveRun {
  const detail = objectOf(data.detail);
  const id = textOf(detail.id) ?? `step-${String(data.step)}`;
  const tool: ToolCall = { id, name: textOf(detail.name) ?? textOf(data.name) ?? "", arguments: detail.arguments ?? null, state: "running", result: null, duration_ms: null };
  return { ...run, state: "running", waiting: null, tools: withTool(run.tools, tool), toolSteps: { ...run.toolSteps, [Number(data.step)]: id } };
}

/** A step ended; when it was a tool call, its card says how. */
function toolEnded(run: LiveRun, data: Record<string, unknown>, state: ToolCall["state"], output: unknown): LiveRun {
  const before = run.tools.find(({ id }) => id === run.toolSteps[Number(data.step)]);
  if (before === undefined) return { ...run, waiting: null };
  const { result, state: told } = objectOf(output);
  const duration = typeof data.duration_ms === "number" ? data.duration_ms : null;
  const tool: ToolCall = { ...before, state: told === "failed" ? "failed" : state, result: result ?? null, duration_ms: duration };
  return { ...run, waiting: null, tools: withTool(run.tools, tool) };
}

function withTool(tools: readonly ToolCall[], tool: ToolCall): readonly ToolCall[] {
  const known = tools.some(({ id }) => id === tool.id);
  return known ? tools.map((each) => (each.id === tool.id ? tool : each)) : [...tools, tool];
}

/** Joins what `GET /chat/runs/{id}` says: the way out of a silence. */
export function withRunRead(thread: Thread, read: Run): Thread {
  const { run } = thread;
  if (run === null || run.id !== read.id || hasEnded(run.state)) return thread;
  const length = codePoints(read.text);
  const text = length >= run.length ? { text: read.text, length, hole: false } : {};
  const next: LiveRun = {
    ...run,
    ...text,
    state: read.state,
    waiting: read.waiting_for,
    error: read.error,
    messageId: read.message_id ?? run.messageId,
    since: read.started_at ?? run.since,
  };
  return { ...thread, run: next, stale: thread.stale || hasEnded(read.state) };
}

const wasCutOff = ({ status }: Message): boolean => status === "interrupted" || status === "failed";

/** A crash of the server loses the words that were only on their way; who has read them does not lose them. */
function withWordsOf({ run, kept }: Thread, messages: readonly Message[]): Kept {
  if (run === null || run.length === 0) return kept;
  const stored = messages.find((message) => message.role === "assistant" && message.run_id === run.id);
  const isLost = stored !== undefined && wasCutOff(stored) && codePoints(stored.content) < run.length;
  return isLost ? { ...kept, [run.id]: run.text } : kept;
}

function withKept(message: Message, kept: Kept): Message {
  const words = message.run_id === null || !wasCutOff(message) ? undefined : kept[message.run_id];
  return words !== undefined && words.length > message.content.length ? { ...message, content: words } : message;
}

/** What a page that is being left has read of an answer that is not stored yet. */
export const keptOnLeaving = ({ run, kept }: Thread): Kept => (run === null || run.length === 0 ? kept : { ...kept, [run.id]: run.text });

/** Messages that did not change stay the same objects, so that screens redraw only what did. */
function sameWhereEqual(before: readonly Message[], now: readonly Message[]): readonly Message[] {
  const known = new Map(before.map((message) => [message.id, message]));
  return now.map((message) => {
    const old = known.get(message.id);
    return old !== undefined && JSON.stringify(old) === JSON.stringify(message) ? old : message;
  });
}

/** The stored branch was read: it supersedes what was drawn ahead of it. */
export function withMessages(thread: Thread, messages: readonly Message[], activeRunId: string | null, now: string): Thread {
  const { run } = thread;
  const stored = run !== null && messages.some((message) => message.run_id === run.id && message.role === "assistant" && message.status !== "streaming");
  const streaming = messages.findLast((message) => message.role === "assistant" && message.status === "streaming");
  const runningId = activeRunId ?? streaming?.run_id ?? null;
  let next = stored ? null : run;
  if (next === null && runningId !== null && !(stored && run?.id === runningId)) next = startRun(runningId, streaming?.created_at ?? now, streaming?.id);
  const known = new Set(messages.map(({ id }) => id));
  const drafts = thread.drafts.filter(({ state, messageId }) => state !== "posted" || messageId === null || !known.has(messageId));
  const kept = withWordsOf(thread, messages);
  return { ...thread, messages: sameWhereEqual(thread.messages, messages.map((message) => withKept(message, kept))), run: next, drafts, kept };
}

export const withDraft = (thread: Thread, key: string, content: string, state: Draft["state"]): Thread => ({
  ...thread,
  drafts: [...thread.drafts, { key, content, state, error: null, messageId: null }],
});

export const draftBecomes = (thread: Thread, key: string, state: Draft["state"], error: unknown = null): Thread => ({
  ...thread,
  drafts: thread.drafts.map((draft) => (draft.key === key ? { ...draft, state, error } : draft)),
});

export const draftPosted = (thread: Thread, key: string, messageId: string): Thread => ({
  ...thread,
  drafts: thread.drafts.map((draft) => (draft.key === key ? { ...draft, state: "posted", error: null, messageId } : draft)),
});

export const draftRetried = (thread: Thread, key: string, nextKey: string): Thread => ({
  ...thread,
  drafts: thread.drafts.map((draft) => (draft.key === key ? { ...draft, key: nextKey, state: "queued", error: null } : draft)),
});

export const withoutDraft = (thread: Thread, key: string): Thread => ({ ...thread, drafts: thread.drafts.filter((draft) => draft.key !== key) });

/** The server accepted a message, an edit or a regeneration: its answer is on the way. */
export const accepted = (thread: Thread, answer: Accepted, now: string): Thread => ({
  ...thread,
  run: thread.run?.id === answer.run_id ? thread.run : startRun(answer.run_id, now, answer.reply_id),
  stale: true,
});

/** Cuts the branch before `messageId`: its new sibling is about to take that place. */
export function cutBefore(thread: Thread, messageId: string): Thread {
  const at = thread.messages.findIndex(({ id }) => id === messageId);
  const drafts = thread.drafts.filter(({ state }) => state !== "posted");
  return at === -1 ? thread : { ...thread, drafts, messages: thread.messages.slice(0, at) };
}

/** The draft to send now: the oldest in the queue, when no answer is being written and nothing before it failed. */
export function nextToSend(thread: Thread): Draft | null {
  const isBusy = (thread.run !== null && !hasEnded(thread.run.state)) || thread.drafts.some(({ state }) => state === "sending" || state === "failed");
  return isBusy ? null : (thread.drafts.find(({ state }) => state === "queued") ?? null);
}

export const isAnswering = (thread: Thread): boolean => thread.run !== null && !hasEnded(thread.run.state);

/** One bubble of the screen: a stored message, or one that is still being written. */
export interface Bubble {
  readonly message: Message;
  readonly live: LiveRun | null;
}

export function bubbles(thread: Thread): readonly Bubble[] {
  const { run, messages } = thread;
  const list: Bubble[] = messages.map((message) => ({
    message,
    live: run !== null && message.role === "assistant" && message.run_id === run.id && message.status === "streaming" ? run : null,
  }));
  if (run === null || messages.some((message) => message.role === "assistant" && message.run_id === run.id)) return list;
  return [...list, { message: unwritten(run), live: run }];
}

function unwritten(run: LiveRun): Message {
  return {
    id: run.messageId ?? `run:${run.id}`,
    role: "assistant",
    content: "",
    created_at: run.since,
    run_id: run.id,
    parent_id: null,
    status: "streaming",
    model: null,
    served_by: null,
    usage: null,
    error: null,
    finish_reason: null,
    tool_calls: [],
    citations: [],
    siblings: [],
    left_out: [],
    route: null,
    grounding: null,
    brought: false,
  };
}

/** The built-in assistant, which answers while no model is set up. */
export const isAssistant = (model: Model): boolean => model.provider === "assistant";
