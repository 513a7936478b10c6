import { describe, expect, it } from "vitest";
import { ApiClient } from "./client";
import type { Means } from "./pipeline";

/** A server that answers in turn; waiting takes no time and is noted. */
function world(replies: Response[]): { client: ApiClient; asked: URL[]; held: (string | null)[]; slept: number[] } {
  const asked: URL[] = [];
  const held: (string | null)[] = [];
  const slept: number[] = [];
  const means: Means = {
    now: () => 0,
    wallNow: () => 0,
    chance: () => 0,
    sleep: (ms, signal) => {
      if (ms >= 10_000) return new Promise((_, reject) => signal?.addEventListener("abort", () => reject(new Error("aborted"))));
      slept.push(ms);
      return Promise.resolve();
    },
    send: (request) => {
      asked.push(new URL(request.url));
      held.push(request.headers.get("If-Match"));
      const reply = replies.shift();
      return reply ? Promise.resolve(reply) : Promise.reject(new TypeError("nothing left to answer"));
    },
  };
  return { client: new ApiClient("/", means), asked, held, slept };
}
const answer = (position?: number): Response =>
  new Response("{}", { headers: { "Content-Type": "application/json", ...(position === undefined ? {} : { "X-Log-Position": String(position) }) } });
const stale = (): Response =>
  new Response(JSON.stringify({ type: "urn:autobot:problem:stale", title: "Not there yet", status: 503, code: "stale" }), {
    status: 503,
    headers: { "Content-Type": "application/problem+json", "Retry-After": "1" },
  });
const positions = (asked: readonly URL[]): (string | null)[] => asked.map((url) => url.searchParams.get("min_position"));

describe("a list that a read model serves", () => {
  it("is asked for as of this page's newest write", async () => {
    const { client, asked } = world([answer(), answer(12), answer(7), answer(), answer()]);
    await client.getFresh("/list");
    await client.post("/one", {});
    await client.put("/two", {});
    await client.getFresh("/list", { q: "x" });
    await client.get("/other");
    expect(positions(asked)).toEqual([null, null, null, "12", null]);
    expect(asked[3]?.searchParams.get("q")).toBe("x");
  });

  it("is waited for and asked for again while it is stale", async () => {
    const { client, asked, slept } = world([answer(12), stale(), stale(), answer()]);
    await client.post("/one", {});
    await client.getFresh("/list");
    expect(positions(asked)).toEqual([null, "12", "12", "12"]);
    expect(slept).toEqual([1000, 1000]);
  });

  it("is taken as it is when it stays stale, and that opens no breaker", async () => {
    const { client, asked } = world([answer(12), ...Array.from({ length: 4 }, stale), answer(), ...Array.from({ length: 4 }, stale), answer()]);
    await client.post("/one", {});
    await client.getFresh("/list");
    await client.getFresh("/list");
    expect(positions(asked)).toEqual([null, "12", "12", "12", "12", null, "12", "12", "12", "12", null]);
    expect(client.pipeline.state.breaker).toBe("closed");
  });
});

describe("an object that is changed only as it was read", () => {
  it("comes with its tag, which every kind of write sends back, and no other call", async () => {
    const tagged = new Response('{"id":1}', { headers: { "Content-Type": "application/json", ETag: '"t1"' } });
    const { client, held } = world([tagged, answer(), answer(), answer(), answer(), answer()]);
    const read = await client.getTagged<{ id: number }>("/one");
    expect(read).toEqual({ value: { id: 1 }, tag: '"t1"' });
    await client.patch("/one", {}, { ifMatch: read.tag });
    await client.put("/one", {}, { ifMatch: read.tag });
    await client.remove("/one", { ifMatch: read.tag });
    await client.remove("/one");
    expect((await client.getTagged("/one")).tag).toBe("");
    expect(held).toEqual([null, '"t1"', '"t1"', '"t1"', null, null]);
  });
});
