/** The list of chats beside the thread: found by title, or by what was said in them. */
import { refDebounced } from "@vueuse/core";
import { computed, onScopeDispose, ref, shallowRef, watch, type ComputedRef, type Ref, type ShallowRef } from "vue";
import type { Behind, SearchHit, Session } from "@/contracts/api";
import * as server from "./chat.api";
import { byDay, type DayGroup } from "./sessions.state";

/** Chats change in other windows too; the list follows within this time. */
const POLL_MS = 20_000;
const SEARCH_MS = 200;

export interface Sessions {
  query: Readonly<Ref<string>>;
  find: (text: string) => void;
  groups: ComputedRef<readonly DayGroup[]>;
  items: ShallowRef<readonly Session[] | undefined>;
  hits: ShallowRef<readonly SearchHit[]>;
  /** What the list lacks; null where that is nothing. */
  behind: ShallowRef<Behind | null>;
  error: ShallowRef<unknown>;
  more: ComputedRef<boolean>;
  loadMore: () => Promise<void>;
  reload: () => Promise<void>;
}

export function useSessions(now: Readonly<Ref<number>>): Sessions {
  const query = ref("");
  const asked = refDebounced(query, SEARCH_MS);
  const items = shallowRef<readonly Session[]>();
  const hits = shallowRef<readonly SearchHit[]>([]);
  const behind = shallowRef<Behind | null>(null);
  const error = shallowRef<unknown>(null);
  const cursor = shallowRef<string | null>(null);
  let reading: AbortController | undefined;
  let pages = 1;

  async function reload(): Promise<void> {
    reading?.abort();
    const mine = (reading = new AbortController());
    const text = asked.value.trim();
    try {
      const [list, found] = await Promise.all([readPages(text, mine.signal), text.length > 1 ? server.searchMessages(text, mine.signal) : null]);
      if (mine.signal.aborted) return;
      items.value = list;
      hits.value = found?.items ?? [];
      error.value = null;
    } catch (reason) {
      if (!mine.signal.aborted) error.value = reason;
    }
  }

  async function readPages(text: string, signal: AbortSignal): Promise<Session[]> {
    const list: Session[] = [];
    let next: string | null = null;
    for (let page = 0; page < pages; page += 1) {
      const answer = await server.listSessions(text, next, signal);
      list.push(...answer.items);
      next = answer.next_cursor;
      behind.value = answer.behind;
      if (next === null) break;
    }
    cursor.value = next;
    return list;
  }

  async function loadMore(): Promise<void> {
    pages += 1;
    await reload();
  }

  watch(asked, () => {
    pages = 1;
    void reload();
  });
  const timer = setInterval(() => document.visibilityState === "visible" && void reload(), POLL_MS);
  onScopeDispose(() => {
    clearInterval(timer);
    reading?.abort();
  });
  void reload();
  const find = (text: string): void => void (query.value = text);
  return { query, find, groups: computed(() => byDay(items.value ?? [], now.value)), items, hits, behind, error, more: computed(() => cursor.value !== null), loadMore, reload };
}
