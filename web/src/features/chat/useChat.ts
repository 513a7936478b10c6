import { computed, onScopeDispose, watch, type ComputedRef, type Ref } from "vue";
import { bubbles, isAnswering, keptOnLeaving, type Bubble } from "./chat.state";
import { ChatController, type ChatHooks } from "./controller";
import { keepDrafts, keepWords } from "./drafts";

/** How often a silent run is looked after. */
const WATCH_MS = 2_000;
/** Facts of one step come together: they are read together. */
const GATHER_MS = 40;

export interface Chat {
  controller: ChatController;
  bubbles: ComputedRef<readonly Bubble[]>;
  answering: ComputedRef<boolean>;
}

/** Ties a chat's controller to the address and to the life of its screen. */
export function useChat(sessionId: Ref<string | null>, hooks: ChatHooks): Chat {
  const controller = new ChatController(hooks);
  const { thread } = controller;
  let gathering: ReturnType<typeof setTimeout> | undefined;

  watch(sessionId, (id) => controller.open(id), { immediate: true });
  watch(
    () => thread.value.run?.id ?? null,
    (id) => controller.follow(id),
    { immediate: true },
  );
  watch(
    () => thread.value.stale,
    (stale) => {
      clearTimeout(gathering);
      if (stale) gathering = setTimeout(() => void controller.reload(), GATHER_MS);
    },
  );
  watch(
    () => thread.value.drafts,
    (drafts) => thread.value.sessionId !== null && keepDrafts(thread.value.sessionId, drafts),
  );
  watch(
    () => thread.value.kept,
    (kept) => thread.value.sessionId !== null && keepWords(thread.value.sessionId, kept),
  );
  const onLeave = (): void => void (thread.value.sessionId !== null && keepWords(thread.value.sessionId, keptOnLeaving(thread.value)));
  addEventListener("pagehide", onLeave);
  const timer = setInterval(() => void controller.askRun(), WATCH_MS);
  onScopeDispose(() => {
    removeEventListener("pagehide", onLeave);
    clearInterval(timer);
    clearTimeout(gathering);
    controller.close();
    controller.follow(null);
  });
  return { controller, bubbles: computed(() => bubbles(thread.value)), answering: computed(() => isAnswering(thread.value)) };
}
