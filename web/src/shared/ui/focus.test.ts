import { afterEach, describe, expect, it } from "vitest";
import { beginPage, offerFocus } from "./focus";

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
