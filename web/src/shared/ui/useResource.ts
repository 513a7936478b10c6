import { computed, onScopeDispose, ref, shallowRef, watch, type ComputedRef, type Ref, type ShallowRef, type WatchSource } from "vue";
import { api, ApiError } from "@/shared/http";

export interface Resource<T> {
  data: ShallowRef<T | undefined>;
  error: ShallowRef<unknown>;
  /** The first answer is not there yet. */
  loading: ComputedRef<boolean>;
  busy: Readonly<Ref<boolean>>;
  reload: () => Promise<void>;
}

export interface ResourceOptions<T> {
  /** Read again after so many milliseconds while the page is visible; by what was read, where more often is better at times. */
  pollMs?: number | ((data: T | undefined) => number);
  /** Read again when one of these changes; the old data stays until then unless `fresh`. */
  when?: WatchSource<unknown>;
  /** Drop the old data as soon as `when` changes. */
  fresh?: boolean;
}

/** Whether an error is the want of a server, of which the banner over every page speaks; what was read before can stay. */
export const isLost = (error: unknown): boolean => error instanceof ApiError && ["circuit", "network", "timeout"].includes(error.kind);

/**
 * What a screen reads from the server: loading, data, error, and the last good data kept beside a later error.
 * An answer that was overtaken by a newer question is dropped. A read that failed for want of the server is repeated when it is back.
 */
export function useResource<T>(read: (signal: AbortSignal) => Promise<T>, options: ResourceOptions<T> = {}): Resource<T> {
  const data = shallowRef<T>();
  const error = shallowRef<unknown>(null);
  const busy = ref(false);
  let current: AbortController | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;

  async function reload(): Promise<void> {
    current?.abort();
    clearTimeout(timer);
    const mine = new AbortController();
    current = mine;
    busy.value = true;
    try {
      const answer = await read(mine.signal);
      if (mine.signal.aborted) return;
      data.value = answer;
      error.value = null;
    } catch (reason) {
      if (mine.signal.aborted) return;
      error.value = reason;
    }
    busy.value = false;
    if (options.pollMs !== undefined) timer = setTimeout(tick, typeof options.pollMs === "function" ? options.pollMs(data.value) : options.pollMs);
  }

  function tick(): void {
    if (document.visibilityState === "visible") void reload();
  }

  let before = api.pipeline.state.breaker;
  const stopWatching = api.pipeline.watch(({ breaker }) => {
    const recovered = breaker === "closed" && before !== "closed";
    before = breaker;
    if (recovered && isLost(error.value)) void reload();
  });
  if (options.pollMs !== undefined) document.addEventListener("visibilitychange", tick);
  if (options.when !== undefined) {
    watch(options.when, () => {
      if (options.fresh) {
        data.value = undefined;
        error.value = null;
      }
      void reload();
    });
  }
  onScopeDispose(() => {
    current?.abort();
    clearTimeout(timer);
    stopWatching();
    document.removeEventListener("visibilitychange", tick);
  });
  void reload();
  return { data, error, loading: computed(() => data.value === undefined && error.value === null), busy, reload };
}
