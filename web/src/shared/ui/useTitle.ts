import { onScopeDispose, watchEffect } from "vue";
import { t } from "@/shared/catalogue";

/** Names the browser's tab after the page. */
export function useTitle(title: () => string): void {
  watchEffect(() => (document.title = `${title()} · ${t.app.name}`));
  onScopeDispose(() => (document.title = t.app.name));
}
