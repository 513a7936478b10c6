import { refDebounced } from "@vueuse/core";
import { computed, onScopeDispose, ref, shallowRef, watch, type ComputedRef, type Ref, type ShallowRef } from "vue";
import type { Occurrences } from "@/contracts/api";
import { stepped, WINDOW, windowFor, type Stretch } from "./reading.state";

export type AskPlaces = (asked: { q: string; start?: number; skip?: number; limit: number }, signal: AbortSignal) => Promise<Occurrences>;
export interface Finding {
  text: Ref<string>;
  /** What was found for the text that was asked for last; null before. */
  found: ShallowRef<Occurrences | null>;
  /** The number of the place where the reader is, from 0. */
  index: Ref<number>;
  here: ComputedRef<Stretch | null>;
  busy: Ref<boolean>;
  error: ShallowRef<unknown>;
  step: (by: 1 | -1) => Promise<void>;
}
/** Typing rests so long before it is looked for. */
const REST_MS = 250;

/** Looks for words in a document as they are typed, and goes from place to place; only places near the reader's are asked for. */
export function useFinding(ask: AskPlaces, first: string, from: () => number, arrived: (place: Stretch, opening: boolean) => void): Finding {
  const text = ref(first);
  const found = shallowRef<Occurrences | null>(null);
  const index = ref(0);
  const busy = ref(false);
  const error = shallowRef<unknown>(null);
  const here = computed(() => found.value?.items[index.value - found.value.first] ?? null);
  let current: AbortController | undefined;

  async function seek(where: { start: number } | { skip: number }): Promise<boolean> {
    current?.abort();
    const mine = (current = new AbortController());
    busy.value = true;
    error.value = null;
    try {
      const answer = await ask({ q: text.value, ...where, limit: WINDOW }, mine.signal);
      if (mine.signal.aborted) return false;
      found.value = answer;
    } catch (reason) {
      if (mine.signal.aborted) return false;
      error.value = reason;
    }
    busy.value = false;
    return error.value === null;
  }
  async function begin(opening: boolean): Promise<void> {
    if (text.value.trim() === "") {
      current?.abort();
      busy.value = false;
      error.value = found.value = null;
      return;
    }
    if (!(await seek({ start: from() }))) return;
    index.value = found.value?.first ?? 0;
    if (here.value) arrived(here.value, opening);
  }
  async function step(by: 1 | -1): Promise<void> {
    const now = found.value;
    if (now === null || now.count === 0 || busy.value) return;
    const wanted = stepped(index.value, by, now.count);
    const skip = windowFor(now, wanted);
    if (skip !== null && !(await seek({ skip }))) return;
    index.value = wanted;
    if (here.value) arrived(here.value, false);
  }
  watch(refDebounced(text, REST_MS), () => void begin(false));
  if (first !== "") void begin(true);
  onScopeDispose(() => current?.abort());
  return { text, found, index, here, busy, error, step };
}
