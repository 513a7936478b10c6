import type { Plugin } from "vite";

/** The word in index.html that the server replaces by the mount path, e.g. `/` or `/tools/autobot/`. */
export const BASE_WORD = "__AUTOBOT_BASE__";

/** While developing there is no server that fills in the mount path, so this does. */
export function appBase(): Plugin {
  return {
    name: "autobot:base",
    apply: "serve",
    transformIndexHtml: (html) => html.replaceAll(BASE_WORD, "/"),
  };
}

/**
 * Nuxt UI writes its colour variables into a <style> element at run time, which a strict
 * Content-Security-Policy refuses. `style.css` states them instead; this takes the writer out.
 */
export function quietColours(): Plugin {
  const id = "\0autobot:no-colour-writer";
  return {
    name: "autobot:quiet-colours",
    enforce: "pre",
    resolveId: (source) => (/@nuxt\/ui\/dist\/runtime\/plugins\/colors\.js$/.test(source) ? id : null),
    load: (source) => (source === id ? "export default { install() {} }" : null),
  };
}
