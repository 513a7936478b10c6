/** Moving the focus without taking it from somebody: what arrives late must not swallow what is being typed elsewhere. */

/** Whether the keyboard is in an open dialog, menu or palette. One that is being closed holds nothing. */
export const isHeld = (): boolean => document.activeElement?.closest("[role=dialog][data-state=open], [role=menu][data-state=open]") != null;

/** Give an element the focus, unless something open holds it. */
export function offerFocus(element: HTMLElement | null | undefined): void {
  if (!isHeld()) element?.focus({ preventScroll: true });
}
