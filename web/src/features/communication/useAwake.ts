import { useWakeLock } from "@vueuse/core";
import { onScopeDispose, watch, type Ref } from "vue";

/** Keeps the screen on while `wanted`, where the browser lets a page ask for that. A refusal is no fault. */
export function useAwake(wanted: Readonly<Ref<boolean>>): void {
  const { isSupported, request, release } = useWakeLock();
  watch(wanted, (now) => {
    if (isSupported.value) void (now ? request("screen") : release()).catch(() => undefined);
  });
  onScopeDispose(() => void release().catch(() => undefined));
}
