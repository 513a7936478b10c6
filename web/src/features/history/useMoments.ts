import { computed, ref, watch, type ComputedRef, type Ref } from "vue";
import { useRoute, useRouter } from "vue-router";
import { addressOf, askedOf, type Asked } from "./history.state";

/** Milliseconds a handle rests before the server is asked: a drag is one question, not a hundred. */
const REST_MS = 120;

export interface Moments {
  /** What the handles show, at once. */
  shown: Ref<Asked>;
  /** What the server is asked: the same after a moment of rest. */
  rested: ComputedRef<Asked>;
  change: (part: Partial<Asked>) => void;
}

/** What is looked at, and when: held in the address, so that it can be shared. */
export function useMoments(): Moments {
  const route = useRoute();
  const router = useRouter();
  const rested = computed(() => askedOf(route.query));
  const shown = ref(rested.value);
  let waiting: ReturnType<typeof setTimeout> | undefined;

  watch(rested, (asked) => {
    if (waiting === undefined) shown.value = asked;
  });
  function change(part: Partial<Asked>): void {
    shown.value = { ...shown.value, ...part };
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      waiting = undefined;
      // Leaving the page while a handle rests must not lead back to it.
      if (route.name === "timeline") void router.replace({ name: "timeline", query: addressOf(shown.value) });
    }, REST_MS);
  }
  return { shown, rested, change };
}
