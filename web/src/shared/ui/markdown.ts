/** Markdown from people, models and tools: data, never code. Rendered without raw HTML, sanitised, and without images of other hosts. */
import DOMPurify from "dompurify";
import MarkdownIt from "markdown-it";

export type Highlight = (code: string, language: string) => string | null;

let highlight: Highlight | null = null;

/** Gives the highlighter, once it is loaded. */
export function useHighlight(given: Highlight): void {
  highlight = given;
}

const md = new MarkdownIt({
  html: false,
  linkify: true,
  breaks: true,
  typographer: false,
  highlight: (code, language) => highlight?.(code, language) ?? "",
});
md.validateLink = (url) => /^(https?:|mailto:)/i.test(url.trim());

/** An image would tell another host that this was read, and may carry data out: it becomes its description and a link. */
md.renderer.rules.image = (tokens, index) => {
  const token = tokens[index];
  const source = String(token?.attrGet("src") ?? "");
  const label = token?.content || source;
  return `<a href="${md.utils.escapeHtml(source)}">${md.utils.escapeHtml(label)}</a>`;
};
md.renderer.rules.table_open = () => '<div class="table-scroll" tabindex="0"><table>';
md.renderer.rules.table_close = () => "</table></div>";

/** The side that a column's text stands on, as a class: styles do not pass the sanitizer. */
for (const cell of ["th_open", "td_open"] as const) {
  md.renderer.rules[cell] = (tokens, index, options, _env, self) => {
    const token = tokens[index];
    const side = /text-align:(right|center)/.exec(String(token?.attrGet("style") ?? ""))?.[1];
    if (token && side) token.attrSet("class", `to-${side}`);
    return self.renderToken(tokens, index, options);
  };
}

/** `- [x] done`: the box becomes a sign at the head of the item. Nobody can tick it, so it is no control. */
md.core.ruler.after("inline", "tasks", ({ tokens }) => {
  tokens.forEach((token, index) => {
    const item = tokens[index - 2];
    const text = token.children?.[0];
    if (token.type !== "inline" || item?.type !== "list_item_open" || text?.type !== "text") return;
    const box = /^\[([ xX])\]\s+/.exec(text.content);
    if (box === null) return;
    text.content = `${box[1] === " " ? "☐" : "☑"} ${text.content.slice(box[0].length)}`;
    item.attrSet("class", "task");
  });
});

const ALLOWED = {
  ALLOWED_TAGS: "a blockquote br code del div em h1 h2 h3 h4 h5 h6 hr li ol p pre s span strong table tbody td th thead tr ul".split(" "),
  ALLOWED_ATTR: ["href", "class", "start", "tabindex", "title"],
  ALLOWED_URI_REGEXP: /^(?:https?|mailto):/i,
  // Numbers: held against the pattern of addresses they would be dropped.
  ADD_URI_SAFE_ATTR: ["start", "tabindex"],
};

/** The HTML of each top-level block, so that a growing text only redraws its last ones. */
export function renderBlocks(source: string): string[] {
  const env = {};
  const tokens = md.parse(source, env);
  const blocks: string[] = [];
  let from = 0;
  let depth = 0;
  tokens.forEach((token, index) => {
    depth += token.nesting;
    if (depth > 0) return;
    blocks.push(md.renderer.render(tokens.slice(from, index + 1), md.options, env));
    from = index + 1;
  });
  return blocks;
}

/** Parses one block's HTML into safe nodes. */
export function safeFragment(html: string): DocumentFragment {
  const fragment = DOMPurify.sanitize(html, { ...ALLOWED, RETURN_DOM_FRAGMENT: true });
  for (const link of fragment.querySelectorAll("a")) {
    link.target = "_blank";
    link.rel = "noopener noreferrer nofollow";
  }
  return fragment;
}
