import { ref, shallowRef, type Ref, type ShallowRef } from "vue";

/** One request of a form at a time, with its error. */
export function useSubmit(): { busy: Ref<boolean>; error: ShallowRef<unknown>; run: <T>(action: () => Promise<T>) => Promise<T | undefined> } {
  const busy = ref(false);
  const error = shallowRef<unknown>(null);
  async function run<T>(action: () => Promise<T>): Promise<T | undefined> {
    if (busy.value) return undefined;
    busy.value = true;
    error.value = null;
    try {
      return await action();
    } catch (reason) {
      error.value = reason;
      return undefined;
    } finally {
      busy.value = false;
    }
  }
  return { busy, error, run };
}
