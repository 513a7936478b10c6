import { computed, shallowRef, watch, type ComputedRef, type ShallowRef } from "vue";
import type { Page } from "@/contracts/api";
import { useResource, type Resource, type ResourceOptions } from "./useResource";

export interface Paged<T> {
  /** The first page, which is read again as the options say. */
  first: Resource<Page<T>>;
  /** All that was read so far; undefined before the first answer. */
  items: ComputedRef<readonly T[] | undefined>;
  /** Whether the server has more. */
  hasMore: ComputedRef<boolean>;
  moreError: ShallowRef<unknown>;
  more: () => Promise<void>;
}

/** A list of which people ask for more: the first page stays up to date, further ones are as they were when they came. */
export function usePaged<T extends { id: string }>(read: (cursor: string | null, signal?: AbortSignal) => Promise<Page<T>>, options: ResourceOptions<Page<T>> = {}): Paged<T> {
  const first = useResource((signal) => read(null, signal), options);
  const further = shallowRef<{ items: T[]; next: string | null } | null>(null);
  const moreError = shallowRef<unknown>(null);
  if (options.when !== undefined) watch(options.when, () => ((further.value = null), (moreError.value = null)));
  const next = computed(() => (further.value ? further.value.next : (first.data.value?.next_cursor ?? null)));
  const items = computed(() => {
    const shown = first.data.value?.items;
    if (shown === undefined) return undefined;
    // What is new pushes others off the first page, onto ours.
    const known = new Set(shown.map(({ id }) => id));
    return [...shown, ...(further.value?.items ?? []).filter(({ id }) => !known.has(id))];
  });
  async function more(): Promise<void> {
    moreError.value = null;
    const from = next.value;
    try {
      const page = await read(from);
      if (from === next.value) further.value = { items: [...(further.value?.items ?? []), ...page.items], next: page.next_cursor };
    } catch (error) {
      moreError.value = error;
    }
  }
  return { first, items, hasMore: computed(() => next.value !== null), moreError, more };
}
