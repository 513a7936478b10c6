import { describe, expect, it } from "vitest";
import type { ChannelFrame, ServerFrame } from "@/contracts/realtime";
import { Connection, type Socket } from "./connection";
import type { SseMessage, StreamEnd } from "./sse";

class FakeSocket implements Socket {
  onopen: ((event: never) => void) | null = null;
  onclose: ((event: never) => void) | null = null;
  onmessage: ((event: MessageEvent) => void) | null = null;
  readonly sent: string[] = [];
  closed = false;
  send(text: string): void {
    this.sent.push(text);
  }
  close(): void {
    this.closed = true;
  }
  open(): void {
    this.onopen?.(undefined as never);
  }
  drop(): void {
    this.onclose?.(undefined as never);
  }
  hear(frame: ServerFrame): void {
    this.onmessage?.({ data: JSON.stringify(frame) } as MessageEvent);
  }
}

interface FakeStream {
  address: string;
  signal: AbortSignal;
  say: (frame: ServerFrame) => void;
  end: (end: StreamEnd) => void;
}

function world(): { connection: Connection; sockets: FakeSocket[]; streams: FakeStream[]; pass: () => void; last: () => FakeSocket; refused: number[] } {
  const sockets: FakeSocket[] = [];
  const streams: FakeStream[] = [];
  let timers: (() => void)[] = [];
  const refused: number[] = [];
  const connection = new Connection({
    dial: () => {
      const socket = new FakeSocket();
      sockets.push(socket);
      return socket;
    },
    streamAddress: (channel, after) => `/stream/${channel}?after=${after}`,
    follow: (address, signal, onMessage: (message: SseMessage) => void) =>
      new Promise((end) => streams.push({ address, signal, end, say: (frame) => onMessage({ event: frame.type, data: JSON.stringify(frame), id: null }) })),
    delay: () => 1,
    refused: (status) => refused.push(status),
    later: (_, action) => {
      timers.push(action);
      return () => (timers = timers.filter((timer) => timer !== action));
    },
  });
  const pass = (): void => timers.splice(0).forEach((timer) => timer());
  const last = (): FakeSocket => {
    const socket = sockets.at(-1);
    if (!socket) throw new Error("nothing was dialled");
    return socket;
  };
  return { connection, sockets, streams, pass, last, refused };
}
const fact = (seq: number): ServerFrame => ({ type: "event", channel: "run:a", seq, event: { type: "autobot.runs.x.v1" } });
const collect = (connection: Connection, after: number | null = 0): ChannelFrame[] => {
  const frames: ChannelFrame[] = [];
  connection.subscribe("run:a", (frame) => frames.push(frame), after);
  return frames;
};

describe("a connection", () => {
  it("resumes after a drop with the last seq that it saw", () => {
    const { connection, pass, last, sockets } = world();
    const frames = collect(connection);
    last().open();
    last().hear(fact(1));
    last().hear(fact(2));
    last().drop();
    pass();
    last().open();
    expect(sockets).toHaveLength(2);
    expect(last().sent).toEqual(['{"type":"subscribe","channel":"run:a","after":2}']);
    last().hear(fact(3));
    expect(frames).toHaveLength(3);
  });
  it("hangs up on a network that is dead without saying so, and dials again", () => {
    const { connection, pass, last, sockets } = world();
    collect(connection);
    last().open();
    pass();
    pass();
    expect(sockets[0]?.closed).toBe(true);
    pass();
    expect(sockets).toHaveLength(2);
  });
  it("takes event streams after two dials in vain, from the same place, and leaves them when the socket comes back", () => {
    const { connection, pass, last, streams } = world();
    const frames = collect(connection, 4);
    last().drop();
    pass();
    last().drop();
    expect(streams.map(({ address }) => address)).toEqual(["/stream/run:a?after=4"]);
    streams[0]?.say(fact(5));
    expect(frames).toHaveLength(1);
    pass();
    last().open();
    expect(streams[0]?.signal.aborted).toBe(true);
    expect(last().sent).toEqual(['{"type":"subscribe","channel":"run:a","after":5}']);
    expect(connection.mode).toBe("socket");
  });
  it("follows a stream again when it breaks, from the last fact, but not one that was refused", async () => {
    const { connection, pass, last, streams, refused } = world();
    collect(connection);
    last().drop();
    pass();
    last().drop();
    streams[0]?.say(fact(1));
    streams[0]?.end({ refused: null });
    await Promise.resolve();
    await Promise.resolve();
    pass();
    expect(streams[1]?.address).toBe("/stream/run:a?after=1");
    streams[1]?.end({ refused: 403 });
    await Promise.resolve();
    await Promise.resolve();
    const before = streams.length;
    pass();
    expect(streams).toHaveLength(before);
    expect(refused).toEqual([403]);
  });
  it("unsubscribes when the last handler leaves, not before", () => {
    const { connection, last } = world();
    const first = connection.subscribe("system", () => undefined);
    const second = connection.subscribe("system", () => undefined);
    last().open();
    first();
    expect(last().sent.filter((text) => text.includes("unsubscribe"))).toHaveLength(0);
    second();
    second();
    expect(last().sent.filter((text) => text.includes("unsubscribe"))).toHaveLength(1);
  });
  it("forgets everything when the person signs out", () => {
    const { connection, last, pass, sockets } = world();
    const frames = collect(connection);
    last().open();
    const socket = last();
    connection.close();
    socket.hear(fact(1));
    socket.drop();
    pass();
    expect(frames).toEqual([]);
    expect(sockets).toHaveLength(1);
    expect(connection.phase).toBe("idle");
  });
});

it("is live on an open socket or a stream that has brought something, and on nothing else", async () => {
  const { connection, pass, last, streams } = world();
  const seen: boolean[] = [];
  connection.watch(({ live }) => seen.at(-1) !== live && seen.push(live));
  collect(connection);
  last().open();
  last().drop();
  pass();
  last().drop();
  pass();
  last().drop();
  expect(connection.standing).toEqual({ phase: "waiting", mode: "streams", live: false });
  streams[0]?.say(fact(1));
  streams[0]?.end({ refused: null });
  await Promise.resolve();
  await Promise.resolve();
  expect(seen).toEqual([false, true, false, true, false]);
});
