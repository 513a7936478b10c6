/** One chat on the screen: binds the pure thread to the server, the realtime channels and the browser's storage. */
import { ref, shallowRef } from "vue";
import type { Accepted, DocumentUse, Session } from "@/contracts/api";
import type { ChannelFrame } from "@/contracts/realtime";
import { ApiError, randomId } from "@/shared/http";
import { realtime, type Handler } from "@/shared/realtime";
import * as chatApi from "./chat.api";
import {
  accepted,
  apply,
  cutBefore,
  draftBecomes,
  draftPosted,
  draftRetried,
  emptyThread,
  isAnswering,
  nextToSend,
  withDraft,
  withMessages,
  withoutDraft,
  withRunRead,
  type Thread,
} from "./chat.state";
import { loadDrafts, loadKept } from "./drafts";

/** Without a frame for so long the run itself is asked, so that no spinner turns for ever. */
const SILENCE_MS = 6_000;
/** After a read that failed for want of the server. */
const REPEAT_MS = 3_000;

export interface ChatHooks {
  /** The model for a chat that does not exist yet. */
  model: () => string | null;
  /** The documents for it. */
  documents: () => DocumentUse;
  /** A chat was made for the first message. */
  created: (session: Session) => void;
  /** Titles or activity changed: lists of chats are out of date. */
  changed: () => void;
}

/** What the controller talks to; tests hand in their own. */
export interface ChatMeans {
  server: Pick<typeof chatApi, "readSession" | "readMessages" | "readRun" | "createSession" | "changeSession" | "postMessage" | "editMessage" | "regenerate" | "selectBranch" | "stopRun">;
  realtime: {
    subscribe: (channel: string, handler: Handler, after?: number | null) => () => void;
    refresh: (channel: string, after: number | null) => void;
  };
  now: () => number;
  newKey: () => string;
}

const browserMeans: ChatMeans = { server: chatApi, realtime, now: () => Date.now(), newKey: randomId };

export class ChatController {
  readonly thread = shallowRef<Thread>(emptyThread());
  readonly session = shallowRef<Session | null>(null);
  readonly loading = ref(false);
  readonly stopping = ref(false);
  readonly error = shallowRef<unknown>(null);
  /** The last edit, regeneration, branch choice or stop that failed. */
  readonly actionError = shallowRef<unknown>(null);

  private readonly hooks: ChatHooks;
  private readonly means: ChatMeans;
  private reading: AbortController | undefined;
  private repeat: ReturnType<typeof setTimeout> | undefined;
  private leaveSession: (() => void) | undefined;
  private leaveRun: (() => void) | undefined;
  private heardAt = 0;

  constructor(hooks: ChatHooks, means: ChatMeans = browserMeans) {
    this.hooks = hooks;
    this.means = means;
  }

  /** Shows chat `id`, or the place of a new one. */
  open(id: string | null): void {
    if (id === this.thread.value.sessionId && id !== null) return;
    this.close();
    this.session.value = null;
    this.error.value = null;
    this.actionError.value = null;
    this.become(emptyThread(id, id === null ? [] : loadDrafts(id), id === null ? {} : loadKept(id)));
    this.loading.value = id !== null;
    if (id === null) return;
    this.leaveSession = this.means.realtime.subscribe(`chat.session:${id}`, this.hear);
    void this.reload();
  }

  close(): void {
    clearTimeout(this.repeat);
    this.reading?.abort();
    this.leaveSession?.();
    this.leaveSession = undefined;
  }

  /** Follows the run that answers now. */
  follow(runId: string | null): void {
    this.leaveRun?.();
    this.leaveRun = undefined;
    this.stopping.value = false;
    this.heardAt = this.means.now();
    if (runId !== null) this.leaveRun = this.means.realtime.subscribe(`run:${runId}`, this.hear, 0);
  }

  /** Reads chat and messages anew. What changes while reading makes the thread stale again, and is read once more. */
  async reload(): Promise<void> {
    const id = this.thread.value.sessionId;
    if (id === null) return;
    this.reading?.abort();
    const mine = (this.reading = new AbortController());
    this.become({ ...this.thread.value, stale: false });
    try {
      const [read, messages] = await Promise.all([this.means.server.readSession(id, mine.signal), this.means.server.readMessages(id, mine.signal)]);
      if (mine.signal.aborted) return;
      this.session.value = read;
      this.error.value = null;
      this.become(withMessages(this.thread.value, messages, read.active_run_id, this.time()));
      this.hooks.changed();
    } catch (reason) {
      if (mine.signal.aborted) return;
      this.error.value = reason;
      if (!(reason instanceof ApiError) || reason.kind !== "problem") this.repeat = setTimeout(() => void this.reload(), REPEAT_MS);
    }
    this.loading.value = false;
    void this.pump();
  }

  send(content: string): void {
    this.become(withDraft(this.thread.value, this.means.newKey(), content, "queued"));
    void this.pump();
  }

  /** A refusal is the stored answer of its key, so it needs a new one; after a silence the old key keeps the message single. */
  retryDraft(key: string): void {
    const error = this.thread.value.drafts.find((draft) => draft.key === key)?.error;
    const refused = error instanceof ApiError && error.kind === "problem" && (error.status ?? 500) < 500;
    this.become(draftRetried(this.thread.value, key, refused ? this.means.newKey() : key));
    void this.pump();
  }

  dropDraft(key: string): void {
    this.become(withoutDraft(this.thread.value, key));
    void this.pump();
  }

  edit(messageId: string, content: string): Promise<boolean> {
    return this.branchOff(messageId, (id) => this.means.server.editMessage(id, messageId, content));
  }

  regenerate(messageId: string): Promise<boolean> {
    return this.branchOff(messageId, (id) => this.means.server.regenerate(id, messageId));
  }

  select(messageId: string): Promise<boolean> {
    return this.guarded(async (id) => {
      this.session.value = await this.means.server.selectBranch(id, messageId);
      await this.reload();
    });
  }

  async stop(): Promise<void> {
    const { run } = this.thread.value;
    if (run === null || this.stopping.value) return;
    this.stopping.value = true;
    const asked = await this.guarded(async () => void (await this.means.server.stopRun(run.id)));
    if (!asked) this.stopping.value = false;
  }

  change(change: chatApi.SessionChange): Promise<boolean> {
    return this.guarded(async (id) => {
      this.session.value = await this.means.server.changeSession(id, change);
      this.hooks.changed();
    });
  }

  dismissError(): void {
    this.actionError.value = null;
  }

  /** Asks the run itself when nothing was heard of it for a while. */
  async askRun(): Promise<void> {
    const { run } = this.thread.value;
    if (run === null || this.means.now() - this.heardAt < SILENCE_MS || !isAnswering(this.thread.value)) return;
    this.heardAt = this.means.now();
    try {
      const read = await this.means.server.readRun(run.id, new AbortController().signal);
      this.become(withRunRead(this.thread.value, read));
    } catch (reason) {
      if (!(reason instanceof ApiError)) throw reason;
      if (reason.status === 404) this.become({ ...this.thread.value, run: null, stale: true });
    }
  }

  private time(): string {
    return new Date(this.means.now()).toISOString();
  }

  private become(next: Thread): void {
    this.thread.value = next;
  }

  private readonly hear = (frame: ChannelFrame): void => {
    this.heardAt = this.means.now();
    const before = this.thread.value;
    const next = apply(before, frame);
    this.become(next);
    if (next.run?.hole && !before.run?.hole) this.means.realtime.refresh(`run:${next.run.id}`, next.run.seq);
  };

  /** Sends the next draft, when it is its turn. */
  private async pump(): Promise<void> {
    const draft = nextToSend(this.thread.value);
    if (draft === null || this.loading.value) return;
    this.become(draftBecomes(this.thread.value, draft.key, "sending"));
    try {
      const id = this.thread.value.sessionId ?? (await this.begin());
      const answer = await this.means.server.postMessage(id, draft.content, draft.key);
      if (this.thread.value.sessionId !== id) return;
      this.heardAt = this.means.now();
      this.become(accepted(draftPosted(this.thread.value, draft.key, answer.message_id), answer, this.time()));
    } catch (reason) {
      this.become(draftBecomes(this.thread.value, draft.key, "failed", reason));
    }
  }

  private async begin(): Promise<string> {
    const made = await this.means.server.createSession(this.hooks.model(), this.hooks.documents());
    if (this.thread.value.sessionId !== null) return made.id;
    this.session.value = made;
    this.become({ ...this.thread.value, sessionId: made.id });
    this.leaveSession = this.means.realtime.subscribe(`chat.session:${made.id}`, this.hear);
    this.hooks.created(made);
    return made.id;
  }

  private branchOff(messageId: string, ask: (sessionId: string) => Promise<Accepted>): Promise<boolean> {
    return this.guarded(async (id) => {
      const answer = await ask(id);
      this.heardAt = this.means.now();
      this.become(accepted(cutBefore(this.thread.value, messageId), answer, this.time()));
    });
  }

  private async guarded(action: (sessionId: string) => Promise<void>): Promise<boolean> {
    this.actionError.value = null;
    const id = this.thread.value.sessionId;
    if (id === null) return false;
    try {
      await action(id);
      return true;
    } catch (reason) {
      this.actionError.value = reason;
      return false;
    }
  }
}
