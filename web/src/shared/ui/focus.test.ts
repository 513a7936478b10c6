import { afterEach, describe, expect, it } from "vitest";
import { offerFocus } from "./focus";

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
