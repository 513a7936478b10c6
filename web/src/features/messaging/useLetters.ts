import { onScopeDispose, ref, shallowRef, watch, type Ref, type ShallowRef } from "vue";
import type { DeadLetter } from "@/contracts/api";
import { listLetters } from "./messaging.api";
import type { Selection } from "./messaging.state";

export interface Letters {
  letters: ShallowRef<readonly DeadLetter[] | undefined>;
  error: ShallowRef<unknown>;
  busy: Ref<boolean>;
  complete: Ref<boolean>;
  reload: () => Promise<void>;
  more: () => Promise<void>;
}

/** Dead letters of a selection in log order, page after page. What was decided on is gone with the next reading. */
export function useLetters(selection: Ref<Selection>): Letters {
  const letters = shallowRef<readonly DeadLetter[]>();
  const error = shallowRef<unknown>(null);
  const busy = ref(false);
  const complete = ref(true);
  let cursor: string | null = null;
  let reading: AbortController | undefined;

  async function read(from: string | null): Promise<void> {
    reading?.abort();
    const mine = new AbortController();
    reading = mine;
    busy.value = true;
    try {
      const page = await listLetters(selection.value, from, mine.signal);
      if (mine.signal.aborted) return;
      letters.value = from === null ? page.items : [...(letters.value ?? []), ...page.items];
      cursor = page.next_cursor;
      complete.value = cursor === null;
      error.value = null;
    } catch (reason) {
      if (mine.signal.aborted) return;
      error.value = reason;
    }
    busy.value = false;
  }
  const reload = (): Promise<void> => read(null);
  const more = (): Promise<void> => (cursor === null ? Promise.resolve() : read(cursor));

  watch(selection, () => {
    letters.value = undefined;
    void reload();
  });
  onScopeDispose(() => reading?.abort());
  void reload();
  return { letters, error, busy, complete, reload, more };
}
