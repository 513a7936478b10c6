import { computed, onScopeDispose, shallowRef, watch, type Ref } from "vue";
import type { KnowledgeDocument } from "@/contracts/api";
import type { ChannelFrame, ProgressFrame } from "@/contracts/realtime";
import { advanced, followedOf } from "./knowledge.state";

/** News of documents are read together. */
const GATHER_MS = 150;

export type Subscribe = (channel: string, handler: (frame: ChannelFrame) => void) => () => void;

/**
 * Documents as they are this moment: what is being done with those that are under way comes as it happens. `reload` reads
 * the list again when something is said of one of them.
 */
export function useFollowing(documents: Ref<readonly KnowledgeDocument[] | undefined>, subscribe: Subscribe, reload: () => void): Ref<readonly KnowledgeDocument[] | undefined> {
  const told = shallowRef<ReadonlyMap<string, ProgressFrame>>(new Map());
  const followed = new Map<string, () => void>();
  let reading: ReturnType<typeof setTimeout> | undefined;

  function soon(): void {
    reading ??= setTimeout(() => ((reading = undefined), reload()), GATHER_MS);
  }
  function follow(id: string): void {
    let joined = false;
    const leave = subscribe(`document:${id}`, (frame) => {
      if (frame.type === "progress") told.value = new Map(told.value).set(id, frame);
      else if (frame.type === "event" || frame.type === "resync" || joined) soon();
      // A second confirmation comes after a break, in which anything may have been said.
      joined ||= frame.type === "subscribed";
    });
    followed.set(id, leave);
  }
  function leave(id: string): void {
    followed.get(id)?.();
    followed.delete(id);
    if (told.value.has(id)) told.value = new Map([...told.value].filter(([one]) => one !== id));
  }
  const wanted = computed(() => followedOf(documents.value ?? []));
  watch(
    () => wanted.value.join(),
    () => {
      const now = new Set(wanted.value);
      for (const id of [...followed.keys()]) if (!now.has(id)) leave(id);
      for (const id of now) if (!followed.has(id)) follow(id);
    },
    { immediate: true },
  );
  onScopeDispose(() => {
    clearTimeout(reading);
    for (const id of [...followed.keys()]) leave(id);
  });
  return computed(() => documents.value?.map((one) => advanced(one, told.value.get(one.id))));
}
