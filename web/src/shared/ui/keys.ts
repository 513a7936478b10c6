/** Presses of keys as people write them down: `mod+k` (Ctrl or ⌘), `?`, or two keys after one another, `g c`. Pure. */

export type Keymap = Record<string, () => void>;

interface Pressed {
  key: string;
  ctrlKey: boolean;
  metaKey: boolean;
  altKey: boolean;
}

/** How a key press is written in a keymap; null for a press that is none of ours. */
export function chordOf({ key, ctrlKey, metaKey, altKey }: Pressed): string | null {
  if (altKey || ["Control", "Meta", "Shift", "Alt", "AltGraph", "CapsLock", "Dead", "Process", "Unidentified"].includes(key)) return null;
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

/** Keys that dialogs, menus and text fields need for themselves. */
const TAKEN = new Set(["Enter", "Escape", "Tab", " ", "Backspace", "Delete", "ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight", "Home", "End", "PageUp", "PageDown"]);

/** Whether a shortcut may be put on a chord. */
export const isFree = (chord: string): boolean => !TAKEN.has(chord.replace(/^mod\+/, ""));

/** Whether two chords cannot both be in one keymap: the same, or one the beginning of the other. */
export const collide = (one: string, other: string): boolean => one === other || one.startsWith(`${other} `) || other.startsWith(`${one} `);

/** Ctrl or ⌘, as this device's keyboard has it. */
export const modKey = /Mac|iPhone|iPad/.test(navigator.platform) ? "⌘" : "Ctrl";

/** The caps of a chord, as they are drawn: `mod+k` → Ctrl, K. */
export const capsOf = (chord: string): string[] =>
  chord.split(" ").filter(Boolean).flatMap((press) => {
    const name = press.replace(/^mod\+/, "");
    const cap = name.length === 1 ? name.toUpperCase() : name;
    return press === name ? [cap] : [modKey, cap];
  });
