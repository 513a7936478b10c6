import { describe, expect, it, vi } from "vitest";
import { effectScope, nextTick, shallowRef } from "vue";
import type { AcceptedDocument, KnowledgeDocument } from "@/contracts/api";
import type { ChannelFrame, ProgressFrame } from "@/contracts/realtime";
import { useFollowing } from "./following";
import { advanced, backOf, filterOf, followedOf, isFiltered, kindOf, piecesOf, pollOf, scriptOf, shareOf } from "./knowledge.state";
import { bytes } from "@/shared/ui/format";
import { lookOf } from "./looks";
import { useUploads, type Send } from "./uploads";

const document = (part: Partial<KnowledgeDocument> = {}): KnowledgeDocument => ({
  id: "d1",
  collection: "c1",
  title: "A document",
  version: 1,
  ready_version: 1,
  status: "ready",
  progress: { status: "ready", done: 0, total: 0, unit: "", position: null, by: "" },
  words_only: false,
  passages: 3,
  characters: 900,
  model: "m",
  tags: [],
  source: "upload",
  url: "",
  place: "",
  filename: "a.pdf",
  media_type: "application/pdf",
  size: 10,
  sha256: "",
  owner: "u1",
  may_write: true,
  error: null,
  created_at: "2026-01-01T00:00:00Z",
  updated_at: "2026-01-01T00:00:00Z",
  ...part,
});

describe("a document's state", () => {
  it("always says what it waits for", () => {
    const queued = (position: number | null): string | null => lookOf(document({ status: "queued", progress: { status: "queued", done: 0, total: 0, unit: "", position, by: "" } })).detail;
    expect([queued(null), queued(0), queued(4)]).toEqual(["waits for its turn", "next in line", "4 before it"]);
  });
  it("counts while it is embedded", () => {
    const one = document({ status: "embedding", progress: { status: "embedding", done: 30, total: 120, unit: "passages", position: null, by: "" } });
    expect(lookOf(one)).toEqual({ tone: "note", label: "Embedding", detail: "30 of 120 passages" });
    expect(shareOf(one)).toBe(0.25);
    expect(shareOf(document())).toBeNull();
  });
  it("tells a document that only words find from one that is found by both", () => {
    expect([document(), document({ words_only: true })].map((one) => lookOf(one).tone)).toEqual(["good", "warn"]);
  });
  it("is asked for often while something is under way, and seldom when not", () => {
    expect(pollOf([document({ status: "parsing" })], false)).toBeLessThan(1_000);
    expect(pollOf([document({ status: "parsing" })], true)).toBeGreaterThan(1_000);
    expect(pollOf([document(), document({ status: "failed" })], false)).toBe(pollOf(undefined, true));
  });
});

describe("documents that are followed", () => {
  const frame = (part: Partial<ProgressFrame> = {}): ProgressFrame => ({ type: "progress", channel: "document:d1", version: 1, status: "embedding", done: 3, total: 9, unit: "passages", ...part });
  const queued = (id: string, position: number): KnowledgeDocument => document({ id, status: "queued", progress: { status: "queued", done: 0, total: 0, unit: "", position, by: "" } });

  it("are those that are under way, whose turn is soonest", () => {
    const many = Array.from({ length: 60 }, (_, index) => queued(`q${index}`, 60 - index));
    expect(followedOf([document(), document({ id: "w", status: "parsing" }), queued("q", 2)])).toEqual(["q", "w"]);
    expect(followedOf(many)).toHaveLength(40);
    expect(followedOf(many)).not.toContain("q0");
  });
  it("are as far as was told last, of the same version, until they have ended", () => {
    const now = advanced(queued("d1", 4), frame());
    expect([now.status, now.progress.done, now.progress.position]).toEqual(["embedding", 3, null]);
    expect(advanced(queued("d1", 4), frame({ version: 2 })).status).toBe("queued");
    expect(advanced(document(), frame()).status).toBe("ready");
    expect(advanced(document({ status: "parsing" }), undefined).status).toBe("parsing");
  });
  it("are read again when something is said of them, and left when they have ended", async () => {
    vi.useFakeTimers();
    const handlers = new Map<string, (frame: ChannelFrame) => void>();
    const list = shallowRef<readonly KnowledgeDocument[]>([queued("d1", 0), document({ id: "d2" })]);
    let read = 0;
    const scope = effectScope();
    const shown = scope.run(() =>
      useFollowing(
        list,
        (channel, handler) => (handlers.set(channel, handler), () => handlers.delete(channel)),
        () => (read += 1),
      ),
    );
    expect([...handlers.keys()]).toEqual(["document:d1"]);
    const hear = (one: ChannelFrame): void => handlers.get("document:d1")?.(one);
    hear({ type: "subscribed", channel: "document:d1", seq: 1 });
    hear(frame());
    expect(shown?.value?.[0]?.status).toBe("embedding");
    vi.advanceTimersByTime(1_000);
    expect(read).toBe(0);
    hear({ type: "event", channel: "document:d1", seq: 2, event: { type: "autobot.knowledge.document_indexed.v1" } });
    hear({ type: "event", channel: "document:d1", seq: 3, event: { type: "autobot.knowledge.document_indexed.v1" } });
    vi.advanceTimersByTime(1_000);
    expect(read).toBe(1);
    hear({ type: "subscribed", channel: "document:d1", seq: 3 });
    vi.advanceTimersByTime(1_000);
    expect(read).toBe(2);
    list.value = [document({ id: "d1" })];
    await nextTick();
    expect(handlers.size).toBe(0);
    expect(shown?.value?.[0]?.status).toBe("ready");
    list.value = [queued("d3", 0)];
    await nextTick();
    scope.stop();
    expect(handlers.size).toBe(0);
    vi.useRealTimers();
  });
});

describe("a list of documents", () => {
  it("takes its filter from the address and passes over what is no filter", () => {
    expect(filterOf({ collection: "c", state: "failed", q: "x" })).toEqual({ collection: "c", state: "failed", q: "x" });
    expect(filterOf({ state: "odd", q: "", collection: ["a"] })).toEqual({ collection: null, state: null, q: null });
    expect(isFiltered(filterOf({ collection: "c" }))).toBe(false);
    expect(isFiltered(filterOf({ q: "c" }))).toBe(true);
  });
  it("names sizes and kinds as people do", () => {
    expect([10, 1_500, 45_000, 2_400_000].map(bytes)).toEqual(["10 B", "1.5 kB", "45 kB", "2.4 MB"]);
    expect([document(), document({ filename: "", media_type: "text/html; charset=utf-8" }), document({ source: "text", filename: "" })].map(kindOf)).toEqual(["pdf", "html", "text"]);
  });
});

describe("files on their way", () => {
  const accepted = (id: string): AcceptedDocument => ({ id, version: 1, existing: false, kept: id });
  const turn = (): Promise<void> => new Promise((resolve) => void setTimeout(resolve));
  function begun(send: Send) {
    let serial = 0;
    let arrived = 0;
    const uploads = effectScope().run(() => useUploads(send, () => `k${(serial += 1)}`, () => (arrived += 1)));
    if (uploads === undefined) throw new Error("no scope");
    return { uploads, arrived: () => arrived };
  }
  const files = (n: number): File[] => Array.from({ length: n }, (_, index) => new File(["x"], `${index}.txt`));

  it("go a few at a time, and one that fails holds up no other", async () => {
    const sent: string[] = [];
    const ends: ((fine: boolean) => void)[] = [];
    const { uploads, arrived } = begun((file) => new Promise((resolve, reject) => (sent.push(file.name), ends.push((fine) => (fine ? resolve(accepted(file.name)) : reject(new Error("no")))))));
    uploads.add(files(5), "c");
    expect(sent).toEqual(["0.txt", "1.txt", "2.txt"]);
    ends[1]?.(false);
    await turn();
    expect(sent).toEqual(["0.txt", "1.txt", "2.txt", "3.txt"]);
    expect(uploads.all.value.map(({ state }) => state)).toEqual(["sending", "failed", "sending", "sending", "waiting"]);
    ends[0]?.(true);
    await turn();
    expect(arrived()).toBe(1);
  });
  it("that are tried again keep their key, so that a repeat cannot keep a file twice", async () => {
    const keys: string[] = [];
    const { uploads } = begun((_, __, key) => (keys.push(key), keys.length === 1 ? Promise.reject(new Error("no")) : Promise.resolve(accepted("d"))));
    uploads.add(files(1), null);
    await turn();
    uploads.retry("k1");
    await turn();
    expect(keys).toEqual(["k1", "k1"]);
    expect(uploads.all.value[0]?.state).toBe("done");
  });
  it("are given up when they are taken off the list", async () => {
    const signals: AbortSignal[] = [];
    const { uploads } = begun((_, __, ___, signal) => (signals.push(signal), new Promise(() => undefined)));
    uploads.add(files(1), null);
    uploads.drop("k1");
    expect(signals[0]?.aborted).toBe(true);
    expect(uploads.all.value).toEqual([]);
  });
});

describe("the script of a text", () => {
  it("marks headings in Markdown and in what was pasted, and keeps the lines of tables and code", () => {
    const of = (media_type: string, filename: string, source: KnowledgeDocument["source"] = "upload") => scriptOf({ media_type, filename, source });
    expect([of("text/markdown", "a.md"), of("text/plain", "a.py"), of("text/csv", "a.csv"), of("text/plain", "a.txt"), of("text/plain", "LICENSE"), of("text/plain", "", "text"), of("application/pdf", "a.pdf"), of("text/html; charset=utf-8", "")]).toEqual(["marked", "lines", "lines", "prose", "prose", "marked", "prose", "prose"]);
  });
  it("cuts at headings and leaves nothing out", () => {
    const text = "# One\n\nWords\n#hashtag\n## Two\n### Three\nEnd #4";
    expect(piecesOf(text).filter(({ heading }) => heading).map((piece) => piece.text)).toEqual(["# One\n", "## Two\n", "### Three\n"]);
    expect(piecesOf(text).map((piece) => piece.text).join("")).toBe(text);
    expect(piecesOf("")).toEqual([{ text: "", heading: false }]);
  });
});

it("leads back to the answer or the results that one came from, else to the list", () => {
  const labels = { chat: "c", search: "s" };
  const pages = [{ back: "/chat/1?message=2" }, { back: "/knowledge/search?q=x" }, { back: "/knowledge" }, { back: "//elsewhere/chat/" }, { back: null }, null, {}];
  expect(pages.map((state) => backOf(state, labels))).toEqual([{ path: "/chat/1?message=2", label: "c" }, { path: "/knowledge/search?q=x", label: "s" }, null, null, null, null, null]);
});
