import { beforeEach, describe, expect, it } from "vitest";
import { capsOf, collide, isFree } from "./keys";
import { anyChanged, chordsOf, isChanged, rebind, restore, SHIPPED, standsInTheWay, type ShortcutName } from "./shortcuts";

const names = Object.keys(SHIPPED) as ShortcutName[];
beforeEach(() => restore());

describe("shortcuts that a person has changed", () => {
  it("are as shipped at first, and none stands in another's way", () => {
    expect(anyChanged()).toBe(false);
    for (const name of names) for (const chord of chordsOf(name)) expect(standsInTheWay(name, chord), `${name} ${chord}`).toBeNull();
  });
  it("have the new chord instead of all old ones, or none", () => {
    rebind("list", "h");
    expect([chordsOf("list"), isChanged("list"), chordsOf("palette")]).toEqual([["h"], true, ["mod+k"]]);
    rebind("list", null);
    expect(chordsOf("list")).toEqual([]);
    restore("list");
    expect([chordsOf("list"), anyChanged()]).toEqual([["mod+/", "?"], false]);
  });
  it("cannot take a chord of another, nor the beginning of one", () => {
    expect([standsInTheWay("theme", "mod+k"), standsInTheWay("theme", "g"), standsInTheWay("theme", "n x"), standsInTheWay("newChat", "n")]).toEqual(["palette", "goChat", "newChat", null]);
    rebind("newChat", "c");
    expect(standsInTheWay("theme", "n")).toBeNull();
  });
  it("give a chord back when its first owner is restored", () => {
    rebind("newChat", "c");
    rebind("theme", "n");
    restore("newChat");
    expect([chordsOf("newChat"), chordsOf("theme")]).toEqual([["n"], []]);
  });
});

describe("chords", () => {
  it("collide when one could never be finished", () => {
    expect([collide("g", "g c"), collide("g c", "g"), collide("g c", "g l"), collide("n", "n"), collide("mod+k", "k")]).toEqual([true, true, false, true, false]);
  });
  it("leave the keys of dialogs and fields alone", () => {
    expect(["Enter", "Tab", " ", "mod+Enter", "Escape"].filter(isFree)).toEqual([]);
    expect(["h", "mod+j", "F2"].filter(isFree)).toHaveLength(3);
  });
  it("are drawn as caps", () => {
    expect([capsOf("g c"), capsOf("?"), capsOf("mod+k").at(-1)]).toEqual([["G", "C"], ["?"], "K"]);
  });
});
