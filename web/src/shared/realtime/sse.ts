/** Server-sent events (HTML standard §9.2) read from chunks: pure, and a shell over a streamed fetch. */

export interface SseMessage {
  event: string;
  data: string;
  id: string | null;
}

export interface SseReader {
  /** Text that has not ended in a line break yet. */
  readonly rest: string;
  readonly event: string;
  readonly data: readonly string[];
  readonly id: string | null;
}

export const sseStart: SseReader = { rest: "", event: "", data: [], id: null };

/** Feeds a chunk of decoded text; gives the messages that it completes. */
export function readSse(reader: SseReader, chunk: string): readonly [SseReader, readonly SseMessage[]] {
  const text = reader.rest + chunk;
  // A carriage return at the very end may be the first half of CRLF: it waits for the next chunk.
  const safe = text.endsWith("\r") ? text.slice(0, -1) : text;
  const lines = safe.split(/\r\n|\n|\r/);
  const rest = (lines.pop() ?? "") + text.slice(safe.length);
  const messages: SseMessage[] = [];
  let { event, id } = reader;
  let data = [...reader.data];
  for (const line of lines) {
    if (line === "") {
      if (data.length > 0) messages.push({ event: event || "message", data: data.join("\n"), id });
      event = "";
      data = [];
      continue;
    }
    const colon = line.indexOf(":");
    if (colon === 0) continue;
    const field = colon === -1 ? line : line.slice(0, colon);
    const value = colon === -1 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "event") event = value;
    else if (field === "data") data.push(value);
    else if (field === "id" && !value.includes("\0")) id = value;
  }
  return [{ rest, event, data, id }, messages];
}

export interface StreamEnd {
  /** The HTTP status when the server refused, else null: the stream ended or broke. */
  refused: number | null;
}

/** Reads the stream at `address` until it ends, breaks or is aborted. Never rejects: the end is a value. */
export async function followStream(address: string, signal: AbortSignal, onMessage: (message: SseMessage) => void): Promise<StreamEnd> {
  try {
    // eslint-disable-next-line no-restricted-globals -- a stream has no timeout row; its own backoff is in the connection
    const response = await fetch(address, {
      headers: { Accept: "text/event-stream" },
      credentials: "same-origin",
      cache: "no-store",
      signal,
    });
    if (!response.ok || response.body === null) return { refused: response.status };
    let reader = sseStart;
    const decoder = new TextDecoder();
    const chunks = response.body.getReader();
    for (;;) {
      const { done, value } = await chunks.read();
      if (done) return { refused: null };
      const [next, messages] = readSse(reader, decoder.decode(value, { stream: true }));
      reader = next;
      messages.forEach(onMessage);
    }
  } catch {
    return { refused: null };
  }
}
