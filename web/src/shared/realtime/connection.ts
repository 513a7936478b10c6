/** The shell around the protocol: one socket for the whole page, and event streams where a socket cannot be had. */
import type { ChannelFrame, ClientFrame } from "@/contracts/realtime";
import { readFrame, silent, step, type Effect, type Input, type Phase, type Wire } from "./protocol";
import { followStream } from "./sse";

export type Handler = (frame: ChannelFrame) => void;

export interface Socket {
  onopen: ((event: never) => void) | null;
  onclose: ((event: never) => void) | null;
  onmessage: ((event: MessageEvent) => void) | null;
  send: (text: string) => void;
  close: () => void;
}

export interface Surroundings {
  dial: () => Socket;
  /** The event stream of `channel` after `after`. */
  streamAddress: (channel: string, after: number | null) => string;
  follow: typeof followStream;
  /** Milliseconds before the next try after so many failures in a row. */
  delay: (failures: number) => number;
  /** A stream was refused with this status. */
  refused: (status: number) => void;
  /** Calls back after `ms`; gives the way to cancel. */
  later: (ms: number, action: () => void) => () => void;
}

export type Mode = "socket" | "streams";

/** How a connection stands: `live` when frames can come in. */
export interface Standing {
  readonly phase: Phase;
  readonly mode: Mode;
  readonly live: boolean;
}

/** Dials that fail in a row before event streams take over; the socket is still tried. */
const PATIENCE = 2;
const BEAT_MS = 20_000;

export class Connection {
  private wire: Wire = silent;
  private socket: Socket | null = null;
  private stopWaiting: (() => void) | null = null;
  private stopBeat: (() => void) | null = null;
  private readonly world: Surroundings;
  private readonly handlers = new Map<string, Set<Handler>>();
  private readonly streams = new Map<string, AbortController>();
  /** Channels whose stream has brought something and has not ended. */
  private readonly flowing = new Set<string>();
  private readonly watchers = new Set<(standing: Standing) => void>();

  constructor(world: Surroundings) {
    this.world = world;
  }

  get phase(): Phase {
    return this.wire.phase;
  }

  get standing(): Standing {
    return { phase: this.wire.phase, mode: this.mode, live: this.wire.phase === "open" || (this.mode === "streams" && this.flowing.size > 0) };
  }

  get mode(): Mode {
    return this.wire.phase !== "open" && this.wire.failures >= PATIENCE ? "streams" : "socket";
  }

  /** Tells `watcher` of each change of the standing. */
  watch(watcher: (standing: Standing) => void): () => void {
    this.watchers.add(watcher);
    return () => this.watchers.delete(watcher);
  }

  /**
   * Hands every frame of `channel` to `handler`, from `after` on (null: from now on). Gives the way to stop.
   * A second handler with another `after` starts the channel again: handlers must bear to see a fact twice.
   */
  subscribe(channel: string, handler: Handler, after: number | null = null): () => void {
    const handlers = this.handlers.get(channel) ?? new Set();
    const isFirst = handlers.size === 0;
    handlers.add(handler);
    this.handlers.set(channel, handlers);
    if (isFirst || after !== null) {
      this.feed({ kind: "subscribe", channel, after });
      if (this.mode === "streams") this.restartStream(channel);
    }
    return () => {
      if (!handlers.delete(handler) || handlers.size > 0) return;
      this.handlers.delete(channel);
      this.streams.get(channel)?.abort();
      this.streams.delete(channel);
      this.feed({ kind: "unsubscribe", channel });
    };
  }

  /** Asks for `channel` again from `after`: the server answers with a snapshot of what is being written. */
  refresh(channel: string, after: number | null): void {
    if (!this.handlers.has(channel)) return;
    this.feed({ kind: "subscribe", channel, after });
    if (this.mode === "streams") this.restartStream(channel);
  }

  /** Dials at once instead of waiting: the network has come back, or the person has returned to the page. */
  hurry(): void {
    if (this.wire.phase !== "waiting") return;
    this.stopWaiting?.();
    this.feed({ kind: "due" });
  }

  /** Forgets every channel and hangs up. */
  close(): void {
    for (const channel of [...this.handlers.keys()]) {
      this.handlers.delete(channel);
      this.feed({ kind: "unsubscribe", channel });
    }
    this.stopStreams();
    this.stopWaiting?.();
    this.stopBeat?.();
    const socket = this.socket;
    this.socket = null;
    this.wire = silent;
    socket?.close();
  }

  private feed(input: Input): void {
    const before = `${this.wire.phase} ${this.mode}`;
    const [wire, effects] = step(this.wire, input, this.world.delay);
    this.wire = wire;
    for (const effect of effects) this.act(effect);
    if (before === `${this.wire.phase} ${this.mode}`) return;
    if (this.mode === "streams") for (const channel of this.handlers.keys()) this.startStream(channel);
    else if (this.wire.phase === "open") this.stopStreams();
    this.tell();
  }

  private tell(): void {
    for (const watcher of this.watchers) watcher(this.standing);
  }

  private act(effect: Effect): void {
    switch (effect.kind) {
      case "dial":
        return this.dial();
      case "hang-up":
        return this.hangUp();
      case "send":
        return this.send(effect.frame);
      case "wait":
        this.stopWaiting = this.world.later(effect.ms, () => this.feed({ kind: "due" }));
        return;
      case "deliver":
        return this.deliver(effect.frame);
    }
  }

  private dial(): void {
    const socket = this.world.dial();
    this.socket = socket;
    socket.onopen = () => {
      if (this.socket !== socket) return;
      this.feed({ kind: "opened" });
      this.beatLater();
    };
    socket.onmessage = ({ data }: MessageEvent<unknown>) => {
      const frame = typeof data === "string" ? readFrame(data) : null;
      if (this.socket === socket && frame !== null) this.feed({ kind: "frame", frame });
    };
    socket.onclose = () => {
      if (this.socket !== socket) return;
      this.socket = null;
      this.stopBeat?.();
      this.feed({ kind: "closed" });
    };
  }

  /** A dead network never confirms the close, so it is not waited for. */
  private hangUp(): void {
    const socket = this.socket;
    this.socket = null;
    this.stopBeat?.();
    socket?.close();
    this.feed({ kind: "closed" });
  }

  private send(frame: ClientFrame): void {
    this.socket?.send(JSON.stringify(frame));
  }

  private beatLater(): void {
    this.stopBeat?.();
    this.stopBeat = this.world.later(BEAT_MS, () => {
      this.feed({ kind: "beat" });
      if (this.wire.phase === "open") this.beatLater();
    });
  }

  private deliver(frame: ChannelFrame): void {
    const channel = frame.channel;
    const handlers = channel === null || channel === undefined ? [...this.handlers.values()].flatMap((set) => [...set]) : [...(this.handlers.get(channel) ?? [])];
    for (const handler of handlers) handler(frame);
  }

  private restartStream(channel: string): void {
    this.streams.get(channel)?.abort();
    this.streams.delete(channel);
    this.startStream(channel);
  }

  private startStream(channel: string): void {
    if (this.streams.has(channel)) return;
    const stop = new AbortController();
    this.streams.set(channel, stop);
    void this.runStream(channel, stop.signal, 0);
  }

  private async runStream(channel: string, signal: AbortSignal, failures: number): Promise<void> {
    let heard = false;
    const address = this.world.streamAddress(channel, this.wire.channels[channel] ?? null);
    const end = await this.world.follow(address, signal, ({ data }) => {
      const frame = readFrame(data);
      if (signal.aborted || frame === null) return;
      if (!heard) {
        heard = true;
        this.flowing.add(channel);
        this.tell();
      }
      this.feed({ kind: "frame", frame });
    });
    this.flowing.delete(channel);
    this.tell();
    if (signal.aborted) return;
    if (end.refused !== null) this.world.refused(end.refused);
    // 4xx will not become better by asking again.
    if (end.refused !== null && end.refused < 500 && end.refused !== 429) return;
    const next = heard ? 0 : failures + 1;
    this.world.later(this.world.delay(next), () => {
      if (!signal.aborted) void this.runStream(channel, signal, next);
    });
  }

  private stopStreams(): void {
    for (const stop of this.streams.values()) stop.abort();
    this.streams.clear();
  }
}
