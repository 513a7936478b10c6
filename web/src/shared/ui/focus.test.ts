import { afterEach, describe, expect, it } from "vitest";
import { beginPage, giveBack, offerFocus, openerOf } from "./focus";

afterEach(() => (document.body.innerHTML = ""));

function page(html: string): HTMLElement {
  document.body.innerHTML = `<main tabindex="-1"></main>${html}`;
  return document.querySelector("main") as HTMLElement;
}

describe("offering the focus", () => {
  it("gives it when nothing is open", () => {
    const main = page("");
    offerFocus(main);
    expect(document.activeElement).toBe(main);
  });

  it("leaves it to an open dialog or menu", () => {
    for (const role of ["dialog", "menu"]) {
      const main = page(`<div role="${role}" data-state="open"><input></div>`);
      document.querySelector("input")?.focus();
      offerFocus(main);
      expect(document.activeElement?.tagName).toBe("INPUT");
    }
  });

  it("gives it while a dialog is being closed", () => {
    const main = page(`<div role="dialog" data-state="closed"><input></div>`);
    document.querySelector("input")?.focus();
    offerFocus(main);
    expect(document.activeElement).toBe(main);
  });
});

describe("beginning a page", () => {
  it("puts the keyboard at its top", () => {
    for (const first of [true, false]) {
      const main = page("");
      beginPage(main, first);
      expect(document.activeElement).toBe(main);
    }
  });

  it("leaves the focus inside the page where the page put it", () => {
    const main = page("");
    main.innerHTML = "<input>";
    main.querySelector("input")?.focus();
    beginPage(main, false);
    expect(document.activeElement?.tagName).toBe("INPUT");
  });

  it("takes it from what led there, but not from somebody who began before the first page came", () => {
    const main = page("<button>More</button>");
    const more = document.querySelector("button");
    more?.focus();
    beginPage(main, true);
    expect(document.activeElement).toBe(more);
    beginPage(main, false);
    expect(document.activeElement).toBe(main);
  });
});

describe("a dialog that closes", () => {
  const closing = (): Event => new Event("close", { cancelable: true });

  it("gives the focus back to the button of the menu that it was opened from", () => {
    page('<button id="more">More</button><div role="menu" aria-labelledby="more"><div role="menuitem" tabindex="-1">Edit</div></div>');
    document.querySelector<HTMLElement>("[role=menuitem]")?.focus();
    const opener = openerOf();
    document.querySelector("[role=menu]")?.remove();
    const event = closing();
    giveBack(opener, event);
    expect([document.activeElement?.id, event.defaultPrevented]).toEqual(["more", true]);
  });

  it("leaves it alone when what opened it is gone, or nothing did", () => {
    page("<button>Take out</button>");
    const button = document.querySelector("button");
    button?.focus();
    const opener = openerOf();
    button?.remove();
    const event = closing();
    giveBack(opener, event);
    expect([opener, event.defaultPrevented, openerOf()]).toEqual([button, false, null]);
  });
});
