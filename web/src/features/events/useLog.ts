import { onScopeDispose, ref, shallowRef, watch, type Ref, type ShallowRef } from "vue";
import type { StoredEvent } from "@/contracts/api";
import type { ChannelFrame } from "@/contracts/realtime";
import { realtime } from "@/shared/realtime";
import { listEvents } from "./events.api";
import { joined, queryOf, wants, type Filters } from "./events.state";

/** Rows kept on the screen; the log itself is longer. */
const LIMIT = 2_000;
/** Events of the tail are shown together. */
const GATHER_MS = 250;

export interface Log {
  events: ShallowRef<readonly StoredEvent[] | undefined>;
  error: ShallowRef<unknown>;
  busy: Ref<boolean>;
  /** The log begins with the last row. */
  complete: Ref<boolean>;
  reload: () => Promise<void>;
  older: () => Promise<void>;
}

/** The filtered log, newest first, with its live tail while `live`. */
export function useLog(filters: Ref<Filters>, live: Ref<boolean>): Log {
  const events = shallowRef<readonly StoredEvent[]>();
  const error = shallowRef<unknown>(null);
  const busy = ref(false);
  const complete = ref(false);
  let cursor: string | null = null;
  let reading: AbortController | undefined;
  let fresh: StoredEvent[] = [];
  let showing: ReturnType<typeof setTimeout> | undefined;

  async function read(from: string | null): Promise<void> {
    reading?.abort();
    const mine = (reading = new AbortController());
    busy.value = true;
    try {
      const page = await listEvents(queryOf(filters.value), from, mine.signal);
      if (mine.signal.aborted) return;
      cursor = page.next_cursor;
      complete.value = cursor === null;
      events.value = joined(from === null ? [] : (events.value ?? []), page.items, LIMIT);
      error.value = null;
    } catch (reason) {
      if (mine.signal.aborted) return;
      error.value = reason;
    }
    busy.value = false;
  }

  function hear(frame: ChannelFrame): void {
    if (frame.type === "resync") return void read(null);
    if (frame.type !== "event" || !wants(filters.value, frame.event as StoredEvent)) return;
    fresh.push(frame.event as StoredEvent);
    showing ??= setTimeout(show, GATHER_MS);
  }
  function show(): void {
    showing = undefined;
    if (events.value !== undefined) events.value = joined(events.value, fresh, LIMIT);
    fresh = [];
  }

  let leave: (() => void) | undefined;
  watch(
    live,
    (on, before) => {
      leave?.();
      leave = on ? realtime.subscribe("events", hear) : undefined;
      if (on && before === false) void read(null);
    },
    { immediate: true },
  );
  watch(filters, () => {
    events.value = undefined;
    error.value = null;
    void read(null);
  });
  onScopeDispose(() => {
    reading?.abort();
    clearTimeout(showing);
    leave?.();
  });
  void read(null);
  return { events, error, busy, complete, reload: () => read(null), older: () => (cursor === null ? Promise.resolve() : read(cursor)) };
}
