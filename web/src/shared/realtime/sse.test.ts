import { describe, expect, it } from "vitest";
import { readSse, sseStart, type SseMessage } from "./sse";

function read(...chunks: string[]): SseMessage[] {
  let reader = sseStart;
  const all: SseMessage[] = [];
  for (const chunk of chunks) {
    const [next, messages] = readSse(reader, chunk);
    reader = next;
    all.push(...messages);
  }
  return all;
}
const stream = 'retry: 1000\n: a comment\n\nid: 1\nevent: event\ndata: {"a":1}\n\nevent: delta\ndata: {"text":\ndata:  "x"}\n\n';
const expected: SseMessage[] = [
  { event: "event", data: '{"a":1}', id: "1" },
  { event: "delta", data: '{"text":\n "x"}', id: "1" },
];

describe("an event stream", () => {
  it("gives whole messages, joins data lines, keeps the last id and skips comments", () => {
    expect(read(stream)).toEqual(expected);
  });
  it("is the same wherever the network cuts it", () => {
    for (let cut = 1; cut < stream.length; cut += 1) expect(read(stream.slice(0, cut), stream.slice(cut))).toEqual(expected);
    expect(read(...stream)).toEqual(expected);
  });
  it("may end its lines in any of the three ways, also when CRLF is cut in two", () => {
    const crlf = stream.replaceAll("\n", "\r\n");
    expect(read(...crlf)).toEqual(expected);
    expect(read(stream.replaceAll("\n", "\r"), "\n")).toEqual(expected);
  });
  it("hands out nothing that has not ended", () => {
    expect(read("data: half")).toEqual([]);
    expect(read("event: delta\n\n")).toEqual([]);
  });
});
