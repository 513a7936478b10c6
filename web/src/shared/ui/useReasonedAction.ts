import { ref, shallowRef, type Ref, type ShallowRef } from "vue";

export interface ReasonedAction {
  reason: Ref<string>;
  missing: Ref<boolean>;
  busy: Ref<boolean>;
  error: ShallowRef<unknown>;
  /** Runs `action` with the reason; true when it went well. Without a reason nothing is done. */
  run: (action: (reason: string) => Promise<unknown>) => Promise<boolean>;
}

/** A change that is kept in the audit log with its reason. */
export function useReasonedAction(): ReasonedAction {
  const reason = ref("");
  const missing = ref(false);
  const busy = ref(false);
  const error = shallowRef<unknown>(null);
  async function run(action: (reason: string) => Promise<unknown>): Promise<boolean> {
    missing.value = reason.value.trim() === "";
    if (missing.value || busy.value) return false;
    busy.value = true;
    error.value = null;
    try {
      await action(reason.value.trim());
      return true;
    } catch (problem) {
      error.value = problem;
      return false;
    } finally {
      busy.value = false;
    }
  }
  return { reason, missing, busy, error, run };
}
