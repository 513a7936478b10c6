/** The shortcuts of the web client by name: their chords, which a person can change on this device, and who acts on them. */
import { useLocalStorage } from "@vueuse/core";
import { onScopeDispose } from "vue";
import { chordOf, collide, match, type Keymap } from "./keys";

/** As shipped. The first chord is the one that menus show. */
export const SHIPPED = {
  palette: ["mod+k"],
  list: ["mod+/", "?"],
  newChat: ["n"],
  theme: [],
  goChat: ["g c"],
  goKnowledge: ["g k"],
  goLinks: ["g l"],
  goEvents: ["g e"],
  goMessages: ["g m"],
  goSagas: ["g w"],
  goRoles: ["g r"],
  goModels: ["g d"],
  goSettings: ["g s"],
  goAccess: ["g a"],
  write: ["i"],
  searchChats: ["/"],
  find: ["mod+f"],
  goToPage: ["g p"],
} as const satisfies Record<string, readonly string[]>;

export type ShortcutName = keyof typeof SHIPPED;
export type Bindings = Readonly<Partial<Record<ShortcutName, readonly string[]>>>;

const NAMES = Object.keys(SHIPPED) as ShortcutName[];

/** What a person changed; the others are as shipped. */
const changed = useLocalStorage<Bindings>("autobot.shortcuts", {});
/** Whether shortcuts act at all, and whether those without Ctrl or ⌘ do. */
export const allKeys = useLocalStorage("autobot.keys", true);
export const singleKeys = useLocalStorage("autobot.single-keys", true);

/** What is stored may be of another version, or edited by hand. */
function chordsIn(bindings: Bindings, name: ShortcutName): readonly string[] {
  const own: unknown = bindings[name];
  return Array.isArray(own) ? own.filter((chord) => typeof chord === "string") : SHIPPED[name];
}

export const chordsOf = (name: ShortcutName): readonly string[] => chordsIn(changed.value, name);
export const isChanged = (name: ShortcutName): boolean => name in changed.value;
export const anyChanged = (): boolean => NAMES.some(isChanged);

/** The shortcut other than `name` that stands in the way of a chord. */
export const standsInTheWay = (name: ShortcutName, chord: string, bindings: Bindings = changed.value): ShortcutName | null =>
  NAMES.find((other) => other !== name && chordsIn(bindings, other).some((each) => collide(each, chord))) ?? null;

/** Puts a shortcut on one chord, or on none. */
export function rebind(name: ShortcutName, chord: string | null): void {
  changed.value = { ...changed.value, [name]: chord === null ? [] : [chord] };
}

/** Puts one shortcut back as shipped, or all. One that was given its keys meanwhile loses them. */
export function restore(name?: ShortcutName): void {
  if (name === undefined) return void (changed.value = {});
  const next: Partial<Record<ShortcutName, readonly string[]>> = Object.fromEntries(Object.entries(changed.value).filter(([each]) => each !== name));
  for (const chord of SHIPPED[name]) {
    const other = standsInTheWay(name, chord, next);
    if (other !== null) next[other] = [];
  }
  changed.value = next;
}

export type Actions = Partial<Record<ShortcutName, () => void>>;

const keymapOf = (actions: Actions): Keymap =>
  Object.fromEntries(NAMES.flatMap((name) => {
    const action = actions[name];
    return action === undefined ? [] : chordsOf(name).map((chord) => [chord, action]);
  }));

const isTyping = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && (target.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(target.tagName));

/** The second key of a pair comes within this time. */
export const PAIR_MS = 1200;

/** Acts on shortcuts while the component lives. Those of single keys rest in text fields and dialogs. */
export function useShortcuts(actions: Actions): void {
  let before: string | null = null;
  let at = 0;
  function onKey(event: KeyboardEvent): void {
    const chord = chordOf(event);
    if (!allKeys.value || chord === null || event.defaultPrevented || event.isComposing) return;
    const single = !chord.startsWith("mod+");
    const inDialog = event.target instanceof Element && event.target.closest("[role=dialog]") !== null;
    if (single && (!singleKeys.value || isTyping(event.target) || inDialog)) return;
    const keymap = keymapOf(actions);
    const found = match(keymap, event.timeStamp - at < PAIR_MS ? before : null, chord);
    before = found !== null && "prefix" in found ? found.prefix : null;
    at = event.timeStamp;
    if (found === null || !("name" in found)) return;
    event.preventDefault();
    keymap[found.name]?.();
  }
  window.addEventListener("keydown", onKey);
  onScopeDispose(() => window.removeEventListener("keydown", onKey));
}
