/**
 * The realtime protocol without a socket: what happened goes in, what to do comes out.
 *
 *     idle ──subscribe──▶ dialing ──opened──▶ open ──closed──▶ waiting ──due──▶ dialing
 *
 * Each subscription remembers the last `seq` that it saw; after a reconnect it asks for what it missed. When the
 * server answers `resync`, the memory is dropped and the owner of the channel reads everything again.
 */
import type { ChannelFrame, ClientFrame, ServerFrame } from "@/contracts/realtime";

export type Phase = "idle" | "dialing" | "open" | "waiting";

export interface Wire {
  readonly phase: Phase;
  /** Dials in a row that did not open. */
  readonly failures: number;
  /** Last seen `seq` by channel; null asks for live frames only. */
  readonly channels: Readonly<Record<string, number | null>>;
  /** A ping is out and nothing has come since. */
  readonly unanswered: boolean;
}

export type Input =
  | { kind: "subscribe"; channel: string; after: number | null }
  | { kind: "unsubscribe"; channel: string }
  | { kind: "opened" }
  | { kind: "closed" }
  | { kind: "due" }
  | { kind: "beat" }
  | { kind: "frame"; frame: ServerFrame };

export type Effect =
  | { kind: "dial" }
  | { kind: "hang-up" }
  | { kind: "wait"; ms: number }
  | { kind: "send"; frame: ClientFrame }
  | { kind: "deliver"; frame: ChannelFrame };

export const silent: Wire = { phase: "idle", failures: 0, channels: {}, unanswered: false };

type Step = readonly [Wire, readonly Effect[]];

const asking = (channel: string, after: number | null): Effect => ({
  kind: "send",
  frame: after === null ? { type: "subscribe", channel } : { type: "subscribe", channel, after },
});

/** One step of the machine. `delay` says how long to wait after so many failures. */
export function step(wire: Wire, input: Input, delay: (failures: number) => number): Step {
  switch (input.kind) {
    case "subscribe": {
      const next = { ...wire, channels: { ...wire.channels, [input.channel]: input.after } };
      if (wire.phase === "open") return [next, [asking(input.channel, input.after)]];
      return wire.phase === "idle" ? [{ ...next, phase: "dialing" }, [{ kind: "dial" }]] : [next, []];
    }
    case "unsubscribe": {
      if (!(input.channel in wire.channels)) return [wire, []];
      const { [input.channel]: _gone, ...channels } = wire.channels;
      const effects: Effect[] = wire.phase === "open" ? [{ kind: "send", frame: { type: "unsubscribe", channel: input.channel } }] : [];
      return [{ ...wire, channels }, effects];
    }
    case "opened":
      return [
        { ...wire, phase: "open", failures: 0, unanswered: false },
        Object.entries(wire.channels).map(([channel, after]) => asking(channel, after)),
      ];
    case "closed": {
      if (wire.phase === "idle" || wire.phase === "waiting") return [wire, []];
      const failures = wire.phase === "dialing" ? wire.failures + 1 : 0;
      if (Object.keys(wire.channels).length === 0) return [{ ...wire, phase: "idle", failures: 0 }, []];
      return [{ ...wire, phase: "waiting", failures }, [{ kind: "wait", ms: delay(failures) }]];
    }
    case "due":
      return wire.phase === "waiting" ? [{ ...wire, phase: "dialing" }, [{ kind: "dial" }]] : [wire, []];
    case "beat":
      if (wire.phase !== "open") return [wire, []];
      if (wire.unanswered) return [wire, [{ kind: "hang-up" }]];
      return [{ ...wire, unanswered: true }, [{ kind: "send", frame: { type: "ping" } }]];
    case "frame":
      return heard({ ...wire, unanswered: false }, input.frame);
  }
}

function heard(wire: Wire, frame: ServerFrame): Step {
  if (frame.type === "pong") return [wire, []];
  if (frame.type === "error") return [wire, [{ kind: "deliver", frame }]];
  const seen = wire.channels[frame.channel];
  if (seen === undefined) return [wire, []];
  if (frame.type === "event") {
    if (seen !== null && frame.seq <= seen) return [wire, []];
    return [{ ...wire, channels: { ...wire.channels, [frame.channel]: frame.seq } }, [{ kind: "deliver", frame }]];
  }
  if (frame.type === "resync") {
    const effects: Effect[] = [{ kind: "deliver", frame }];
    if (wire.phase === "open") effects.unshift(asking(frame.channel, null));
    return [{ ...wire, channels: { ...wire.channels, [frame.channel]: null } }, effects];
  }
  return [wire, [{ kind: "deliver", frame }]];
}

/** Reads one text message of the socket; null when it is no frame that we know. */
export function readFrame(text: string): ServerFrame | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  const type = (value as { type?: unknown } | null)?.type;
  const known = ["subscribed", "event", "delta", "snapshot", "progress", "resync", "error", "pong"];
  return typeof type === "string" && known.includes(type) ? (value as ServerFrame) : null;
}
