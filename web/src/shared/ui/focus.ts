/** Moving the focus without taking it from somebody: what arrives late must not swallow what is being typed elsewhere. */

/** Whether the keyboard is in an open dialog, menu or palette. One that is being closed holds nothing. */
export const isHeld = (): boolean => document.activeElement?.closest("[role=dialog][data-state=open], [role=menu][data-state=open]") != null;

/** Give an element the focus, unless something open holds it. */
export function offerFocus(element: HTMLElement | null | undefined): void {
  if (!isHeld()) element?.focus({ preventScroll: true });
}

/** Whether somebody's keyboard is on something already. */
export const isBegun = (): boolean => document.activeElement !== null && document.activeElement !== document.body;

/** Put the keyboard at the top of a page that was gone to, unless it has put the focus inside itself. The first page of a visit takes it from nobody who began on what was there before the page. */
export function beginPage(content: HTMLElement | null | undefined, first: boolean): void {
  if (content?.contains(document.activeElement) || (first && isBegun())) return;
  offerFocus(content);
}

/** What opened a dialog: the element in focus, or the button of the menu that it is an entry of, which is there after the menu. */
export function openerOf(active: Element | null = document.activeElement): HTMLElement | null {
  const menu = active?.closest("[role=menu]");
  const opener = menu ? document.getElementById(menu.getAttribute("aria-labelledby") ?? "") : active;
  return opener instanceof HTMLElement && opener !== document.body ? opener : null;
}

/** Gives the focus back to what opened a dialog as it closes, in place of an entry of a menu that is gone. */
export function giveBack(opener: HTMLElement | null, event: Event): void {
  if (!opener?.isConnected) return;
  event.preventDefault();
  opener.focus({ preventScroll: true });
}
