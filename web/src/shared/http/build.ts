/** Whether the server has another build of this client by now than the one that runs in this tab. */
import { addressOf } from "./base";

/** The script that a page begins with; its name changes with every build. */
export function entryOf(html: string): string | null {
  return /<script type="module"[^>]*\ssrc="(?:\.\/)?(assets\/[^"]+)"/.exec(html)?.[1] ?? null;
}

/** Reads the server's page. False when it does not answer, and while nothing says what this tab runs. */
export async function isNewerBuild(own: string | null = entryOf(document.documentElement.innerHTML), read: () => Promise<string> = readPage): Promise<boolean> {
  if (own === null) return false;
  try {
    const theirs = entryOf(await read());
    return theirs !== null && theirs !== own;
  } catch {
    return false;
  }
}

/* eslint-disable no-restricted-globals -- the page is no call of the API, so no row governs it */
async function readPage(): Promise<string> {
  const answer = await fetch(addressOf("/index.html"), { cache: "no-cache", credentials: "same-origin" });
  return answer.ok ? answer.text() : "";
}
/* eslint-enable no-restricted-globals */

const NOTE = "autobot.newer-build";

/** Goes to an address with the build that the server has; the page that comes up says why (`cameAnew`). */
export function loadAnew(address: string): void {
  sessionStorage.setItem(NOTE, "1");
  location.assign(address);
}

/** Whether this page was loaded again for a newer build. It is said once. */
export function cameAnew(): boolean {
  const noted = sessionStorage.getItem(NOTE) !== null;
  sessionStorage.removeItem(NOTE);
  return noted;
}
