import { beforeEach, describe, expect, it } from "vitest";
import { cameAnew, entryOf, isNewerBuild } from "./build";

const page = (name: string): string => `<script src="./theme.js"></script><script type="module" crossorigin src="./assets/${name}"></script><link rel="stylesheet" href="./assets/x.css">`;

describe("the build of this tab", () => {
  beforeEach(() => sessionStorage.clear());

  it("is known by the script that the page begins with", () => {
    expect([entryOf(page("index-Ab12.js")), entryOf("<p>503</p>")]).toEqual(["assets/index-Ab12.js", null]);
  });

  it("is an older one only when the server names another script", async () => {
    const asked = (theirs: string) => isNewerBuild("assets/index-Ab12.js", () => Promise.resolve(theirs));
    expect([await asked(page("index-Cd34.js")), await asked(page("index-Ab12.js")), await asked("<p>503</p>")]).toEqual([true, false, false]);
  });

  it("is not called older when no server answers, nor when the tab does not know its own", async () => {
    expect(await isNewerBuild("assets/a.js", () => Promise.reject(new TypeError("refused")))).toBe(false);
    expect(await isNewerBuild(null, () => Promise.resolve(page("a.js")))).toBe(false);
  });

  it("is said to be newer once", () => {
    expect(cameAnew()).toBe(false);
    sessionStorage.setItem("autobot.newer-build", "1");
    expect([cameAnew(), cameAnew()]).toEqual([true, false]);
  });
});
