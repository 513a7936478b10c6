import { onScopeDispose, readonly, ref, type Ref } from "vue";

const now = ref(Date.now());
let readers = 0;
let timer: ReturnType<typeof setInterval> | undefined;

/** The present in milliseconds, once a second, from one timer for the whole page. */
export function useNow(): Readonly<Ref<number>> {
  now.value = Date.now();
  readers += 1;
  timer ??= setInterval(() => (now.value = Date.now()), 1000);
  onScopeDispose(() => {
    readers -= 1;
    if (readers > 0) return;
    clearInterval(timer);
    timer = undefined;
  });
  return readonly(now);
}
