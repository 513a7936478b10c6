/** Frames of `/ws` and of the event streams: one JSON object each. */
import type { Problem, StoredEvent } from "./api";

export type ClientFrame =
  | { type: "subscribe"; channel: string; after?: number }
  | { type: "unsubscribe"; channel: string }
  | { type: "ping" };

export interface SubscribedFrame {
  type: "subscribed";
  channel: string;
  seq?: number | null;
}

/** A durable fact: `seq` grows by channel and is kept over restarts. */
export interface EventFrame {
  type: "event";
  channel: string;
  seq: number;
  event: Partial<StoredEvent> & { type: string };
}

/** Passing text: `offset` counts the characters (code points) before it. May be lost. */
export interface DeltaFrame {
  type: "delta";
  channel: string;
  run_id: string;
  offset: number;
  text: string;
}

/** The whole text of a run so far. */
export interface SnapshotFrame {
  type: "snapshot";
  channel: string;
  run_id: string;
  text: string;
}

/** How far the work on a document's version is. May be lost. */
export interface ProgressFrame {
  type: "progress";
  channel: string;
  version: number;
  status: string;
  done: number;
  total: number;
  unit: string;
}

/** The server no longer has what was missed: read again from the start. */
export interface ResyncFrame {
  type: "resync";
  channel: string;
  reason: string;
}

export interface ErrorFrame {
  type: "error";
  channel?: string | null;
  problem: Problem;
}

export interface PongFrame {
  type: "pong";
}

export type ChannelFrame = SubscribedFrame | EventFrame | DeltaFrame | SnapshotFrame | ProgressFrame | ResyncFrame | ErrorFrame;
export type ServerFrame = ChannelFrame | PongFrame;
