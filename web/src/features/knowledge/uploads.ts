/** Files on their way to the server: a few at a time, each with its own end, so that one that fails holds up no other. */
import { computed, onScopeDispose, shallowRef, type ComputedRef } from "vue";
import type { AcceptedDocument } from "@/contracts/api";

export interface Upload {
  readonly key: string;
  readonly file: File;
  readonly collection: string | null;
  readonly state: "waiting" | "sending" | "done" | "failed";
  readonly accepted: AcceptedDocument | null;
  readonly error: unknown;
}
export type Send = (file: File, collection: string | null, key: string, signal: AbortSignal) => Promise<AcceptedDocument>;
export interface Uploads {
  readonly all: ComputedRef<readonly Upload[]>;
  add: (files: Iterable<File>, collection: string | null) => void;
  retry: (key: string) => void;
  /** Takes a file off the list; one that is being sent is given up. */
  drop: (key: string) => void;
}
const AT_ONCE = 3;

/** `arrived` is told of every file that the server has taken. */
export function useUploads(send: Send, newKey: () => string, arrived: () => void): Uploads {
  const list = shallowRef<readonly Upload[]>([]);
  const running = new Map<string, AbortController>();
  const set = (key: string, change: Partial<Upload>): void => void (list.value = list.value.map((one) => (one.key === key ? { ...one, ...change } : one)));

  function pump(): void {
    for (const one of list.value) if (one.state === "waiting" && running.size < AT_ONCE) void run(one);
  }
  async function run({ key, file, collection }: Upload): Promise<void> {
    const stop = new AbortController();
    running.set(key, stop);
    set(key, { state: "sending", error: null });
    try {
      const accepted = await send(file, collection, key, stop.signal);
      set(key, { state: "done", accepted });
      arrived();
    } catch (error) {
      set(key, { state: "failed", error });
    }
    running.delete(key);
    pump();
  }
  onScopeDispose(() => running.forEach((stop) => stop.abort()));
  return {
    all: computed(() => list.value),
    add(files, collection) {
      list.value = [...list.value, ...[...files].map((file): Upload => ({ key: newKey(), file, collection, state: "waiting", accepted: null, error: null }))];
      pump();
    },
    retry(key) {
      set(key, { state: "waiting" });
      pump();
    },
    drop(key) {
      running.get(key)?.abort();
      list.value = list.value.filter((one) => one.key !== key);
    },
  };
}
