import { t } from "@/shared/catalogue";
import type { Ability } from "@/shared/session";
import type { ShortcutName } from "@/shared/ui/shortcuts";

export interface PageEntry {
  readonly name: string;
  readonly label: string;
  readonly icon: string;
  readonly shortcut: ShortcutName;
  /** Without it the page would only be refused, so it is not offered. */
  readonly needs?: Ability;
}

/** The pages of the rail, in its order. */
export const PAGES: readonly PageEntry[] = [
  { name: "chat", label: t.shell.chat, icon: "i-lucide-message-square", shortcut: "goChat" },
  { name: "knowledge", label: t.shell.knowledge, icon: "i-lucide-library", shortcut: "goKnowledge" },
  { name: "communication", label: t.shell.communication, icon: "i-lucide-waypoints", shortcut: "goLinks" },
  { name: "events", label: t.shell.events, icon: "i-lucide-scroll-text", shortcut: "goEvents", needs: "operate" },
  { name: "messaging", label: t.shell.messaging, icon: "i-lucide-mails", shortcut: "goMessages", needs: "operate" },
  { name: "sagas", label: t.shell.sagas, icon: "i-lucide-route", shortcut: "goSagas", needs: "operate" },
  { name: "roles", label: t.shell.roles, icon: "i-lucide-boxes", shortcut: "goRoles", needs: "operate" },
  { name: "models", label: t.shell.models, icon: "i-lucide-cpu", shortcut: "goModels" },
  { name: "settings", label: t.shell.settings, icon: "i-lucide-sliders-horizontal", shortcut: "goSettings", needs: "operate" },
  { name: "users", label: t.shell.users, icon: "i-lucide-key-round", shortcut: "goAccess" },
];

/** How many entries the bar of a phone has room for. */
const BAR = 5;

/** The bar of a phone: the first pages, and those behind “More” where there is no room for all. */
export function barOf(pages: readonly PageEntry[]): { readonly shown: readonly PageEntry[]; readonly behind: readonly PageEntry[] } {
  if (pages.length <= BAR) return { shown: pages, behind: [] };
  return { shown: pages.slice(0, BAR - 1), behind: pages.slice(BAR - 1) };
}

export const pagesFor = (may: (ability: Ability) => boolean): readonly PageEntry[] => PAGES.filter(({ needs }) => needs === undefined || may(needs));
