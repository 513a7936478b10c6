import { useLocalStorage, usePreferredDark } from "@vueuse/core";
import { computed, watchEffect } from "vue";

export type Theme = "system" | "light" | "dark";

/** What the person chose; `theme.js` reads the same key before the first paint. */
export const theme = useLocalStorage<Theme>("autobot.theme", "system");
const systemDark = usePreferredDark();
export const isDark = computed(() => theme.value === "dark" || (theme.value !== "light" && systemDark.value));

export function followTheme(): void {
  watchEffect(() => {
    document.documentElement.classList.toggle("dark", isDark.value);
    document.documentElement.classList.toggle("light", !isDark.value);
  });
}

export function toggleTheme(): void {
  theme.value = isDark.value ? "light" : "dark";
}
