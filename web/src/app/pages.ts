import { t } from "@/shared/catalogue";
import type { Ability } from "@/shared/session";

export interface PageEntry {
  readonly name: string;
  readonly label: string;
  readonly icon: string;
  readonly key: string;
  /** Without it the page would only be refused, so it is not offered. */
  readonly needs?: Ability;
}

/** The pages of the rail, in its order; `key` follows `g` as a shortcut. */
export const PAGES: readonly PageEntry[] = [
  { name: "chat", label: t.shell.chat, icon: "i-lucide-message-square", key: "c" },
  { name: "communication", label: t.shell.communication, icon: "i-lucide-waypoints", key: "l" },
  { name: "events", label: t.shell.events, icon: "i-lucide-scroll-text", key: "e", needs: "operate" },
  { name: "settings", label: t.shell.settings, icon: "i-lucide-sliders-horizontal", key: "s", needs: "operate" },
  { name: "users", label: t.shell.users, icon: "i-lucide-key-round", key: "a" },
];

export const pagesFor = (may: (ability: Ability) => boolean): readonly PageEntry[] => PAGES.filter(({ needs }) => needs === undefined || may(needs));
