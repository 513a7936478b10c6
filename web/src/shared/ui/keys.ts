/** Keyboard shortcuts: `mod+k` (Ctrl or ⌘), `?`, or two keys after one another, `g c`. Single keys rest in text fields and can be switched off. */
import { useLocalStorage } from "@vueuse/core";
import { onScopeDispose } from "vue";

export type Keymap = Record<string, () => void>;

interface Pressed {
  key: string;
  ctrlKey: boolean;
  metaKey: boolean;
  altKey: boolean;
}

/** How a key press is written in a keymap; null for a press that is none of ours. */
export function chordOf({ key, ctrlKey, metaKey, altKey }: Pressed): string | null {
  if (altKey || ["Control", "Meta", "Shift", "Alt", "Dead", "Process"].includes(key)) return null;
  const name = key.length === 1 ? key.toLowerCase() : key;
  return ctrlKey || metaKey ? `mod+${name}` : name;
}

/** What a chord means after `before`: an entry of the keymap, the start of a longer one, or nothing. */
export function match(keymap: Keymap, before: string | null, chord: string): { name: string } | { prefix: string } | null {
  const pair = `${before} ${chord}`;
  if (before !== null && pair in keymap) return { name: pair };
  if (chord in keymap) return { name: chord };
  return Object.keys(keymap).some((name) => name.startsWith(`${chord} `)) ? { prefix: chord } : null;
}

const isTyping = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && (target.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(target.tagName));

/** Whether single keys act; chords with Ctrl or ⌘ always do. */
export const singleKeys = useLocalStorage("autobot.single-keys", true);

const PAIR_MS = 1200;

export function useKeys(keymap: Keymap): void {
  let before: string | null = null;
  let at = 0;
  function onKey(event: KeyboardEvent): void {
    const chord = chordOf(event);
    if (chord === null || event.defaultPrevented || event.isComposing) return;
    const single = !chord.startsWith("mod+");
    const inDialog = event.target instanceof Element && event.target.closest("[role=dialog]") !== null;
    if (single && (!singleKeys.value || isTyping(event.target) || inDialog)) return;
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

/** Ctrl or ⌘, as this device's keyboard has it. */
export const modKey = /Mac|iPhone|iPad/.test(navigator.platform) ? "⌘" : "Ctrl";
