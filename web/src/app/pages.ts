import { t } from "@/shared/catalogue";

/** The pages of the rail, in its order; `key` follows `g` as a shortcut. */
export const PAGES = [
  { name: "chat", label: t.shell.chat, icon: "i-lucide-message-square", key: "c" },
  { name: "communication", label: t.shell.communication, icon: "i-lucide-waypoints", key: "l" },
  { name: "events", label: t.shell.events, icon: "i-lucide-scroll-text", key: "e" },
  { name: "settings", label: t.shell.settings, icon: "i-lucide-sliders-horizontal", key: "s" },
  { name: "users", label: t.shell.users, icon: "i-lucide-key-round", key: "a" },
] as const;
