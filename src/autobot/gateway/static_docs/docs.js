"use strict";
/* The explorer of the HTTP interface: reads openapi.json, shows each operation, sends it. Asks no other host. */

const METHODS = ["get", "post", "put", "patch", "delete"];
const HANDLED = new Set(["X-CSRF-Token"]);
const find = (id) => document.getElementById(id);
let api = null;
let csrf = null;

/** Makes an element; text goes in as text, never as markup. */
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) element.setAttribute(name, "");
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, String(value));
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

function resolved(node) {
  let here = node;
  for (let depth = 0; here && here.$ref && depth < 20; depth += 1) {
    here = here.$ref.slice(2).split("/").reduce((at, step) => at?.[step.replaceAll("~1", "/").replaceAll("~0", "~")], api);
  }
  return here ?? {};
}

/** A value that fits a schema: its own example where there is one. */
function exampleOf(schema, depth = 0) {
  const found = resolved(schema);
  if (found.example !== undefined) return found.example;
  if (Array.isArray(found.examples) && found.examples.length > 0) return found.examples[0];
  if (found.default !== undefined) return found.default;
  if (found.const !== undefined) return found.const;
  if (Array.isArray(found.enum)) return found.enum[0];
  const choices = found.anyOf ?? found.oneOf ?? found.allOf ?? [];
  if (depth > 0 && choices.some((one) => resolved(one).type === "null")) return null;
  if (choices.length > 0) return exampleOf(choices[0], depth + 1);
  const type = Array.isArray(found.type) ? found.type.find((one) => one !== "null") : found.type;
  if (type === "object" || found.properties) {
    if (depth > 5) return {};
    const required = new Set(found.required ?? []);
    const named = Object.entries(found.properties ?? {}).filter(([name]) => depth === 0 || required.has(name));
    return Object.fromEntries(named.map(([name, member]) => [name, exampleOf(member, depth + 1)]));
  }
  if (type === "array") return depth > 5 ? [] : [exampleOf(found.items ?? {}, depth + 1)];
  if (type === "integer" || type === "number") return found.minimum ?? 0;
  if (type === "boolean") return false;
  if (type === "null") return null;
  return found.format === "date-time" ? new Date().toISOString() : "text".slice(0, found.maxLength ?? 4);
}

/** What kind of value a schema takes, in a word or two. */
function kindOf(schema) {
  const found = resolved(schema);
  if (Array.isArray(found.enum)) return found.enum.map(String).join(" | ");
  const choices = found.anyOf ?? found.oneOf;
  if (choices) return choices.map(kindOf).join(" | ");
  if (found.type === "array") return `list of ${kindOf(found.items ?? {})}`;
  const limits = ["minimum", "maximum", "minLength", "maxLength", "pattern"].filter((name) => found[name] !== undefined);
  const type = found.title && found.properties ? found.title : (found.type ?? "anything");
  return limits.length > 0 ? `${type} (${limits.map((name) => `${name} ${found[name]}`).join(", ")})` : String(type);
}

function members(schema) {
  const found = resolved(schema);
  const required = new Set(found.required ?? []);
  const rows = Object.entries(found.properties ?? {}).map(([name, member]) =>
    make(
      "tr",
      {},
      make("td", {}, make("code", {}, name), required.has(name) ? " (required)" : ""),
      make("td", {}, kindOf(member)),
      make("td", {}, resolved(member).description ?? ""),
    ),
  );
  if (rows.length === 0) return null;
  return make("details", {}, make("summary", {}, "Members of the body"), make("table", {}, make("tbody", {}, ...rows)));
}

function operations() {
  const found = [];
  for (const [path, item] of Object.entries(api.paths ?? {})) {
    for (const method of METHODS) {
      if (!item[method]) continue;
      const operation = item[method];
      const parameters = [...(item.parameters ?? []), ...(operation.parameters ?? [])].map(resolved);
      found.push({ id: `${method} ${path}`, path, method, operation, parameters, tag: operation.tags?.[0] ?? "other" });
    }
  }
  return found;
}

function list() {
  const words = find("filter").value.toLowerCase().split(/\s+/).filter(Boolean);
  const groups = new Map();
  for (const one of operations()) {
    const text = `${one.id} ${one.tag} ${one.operation.summary ?? ""}`.toLowerCase();
    if (!words.every((word) => text.includes(word))) continue;
    groups.set(one.tag, [...(groups.get(one.tag) ?? []), one]);
  }
  const current = decodeURIComponent(location.hash.slice(1));
  const blocks = [...groups].flatMap(([tag, members]) => [
    make("h2", {}, tag),
    make(
      "ul",
      {},
      ...members.map((one) =>
        make(
          "li",
          {},
          make(
            "a",
            { href: `${location.pathname}#${encodeURIComponent(one.id)}`, "aria-current": one.id === current, title: one.operation.summary },
            make("span", { class: `method ${one.method}` }, one.method.toUpperCase()),
            make("span", {}, one.path),
          ),
        ),
      ),
    ),
  ]);
  find("operations").replaceChildren(...(blocks.length > 0 ? blocks : [make("p", { class: "faint" }, "Nothing fits.")]));
}

function field(parameter) {
  const id = `${parameter.in}-${parameter.name}`;
  const schema = resolved(parameter.schema ?? {});
  const given = parameter.example ?? (parameter.required ? exampleOf(schema) : "");
  const input = Array.isArray(schema.enum)
    ? make("select", { id }, ...["", ...schema.enum].map((value) => make("option", { value }, String(value))))
    : make("input", { id, value: parameter.name === "Idempotency-Key" ? `"${newId()}"` : given, autocomplete: "off" });
  input.required = parameter.required === true;
  const note = [parameter.in, parameter.required ? "required" : null].filter(Boolean).join(", ");
  return make(
    "div",
    {},
    make("label", { for: id }, make("code", {}, parameter.name), ` (${note})`),
    input,
    parameter.description ? make("p", { class: "faint" }, parameter.description) : null,
  );
}

function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function answers(operation) {
  return Object.entries(operation.responses ?? {}).map(([status, response]) => {
    const answer = resolved(response);
    const [type, media] = Object.entries(answer.content ?? {})[0] ?? [];
    const example = media ? (media.example ?? exampleOf(media.schema ?? {})) : undefined;
    const shown = typeof example === "string" ? example : JSON.stringify(example, null, 2);
    return make(
      "details",
      {},
      make("summary", {}, make("code", {}, status), ` ${answer.description ?? ""}`),
      type ? make("p", { class: "faint" }, type) : null,
      example === undefined ? null : make("pre", {}, shown),
    );
  });
}

function show() {
  list();
  const wanted = decodeURIComponent(location.hash.slice(1));
  const one = operations().find((candidate) => candidate.id === wanted);
  if (!one) {
    find("operation").replaceChildren(make("h1", {}, api.info.title), make("p", {}, api.info.description ?? ""), make("p", { class: "faint" }, `Version ${api.info.version}. Choose an operation.`));
    return;
  }
  const { operation } = one;
  const media = resolved(operation.requestBody ?? {}).content?.["application/json"];
  const body = media ? make("textarea", { id: "body", spellcheck: "false" }, JSON.stringify(media.example ?? exampleOf(media.schema ?? {}), null, 2)) : null;
  const parameters = one.parameters.filter((parameter) => !HANDLED.has(parameter.name) && parameter.in !== "cookie");
  const send = make("button", { type: "submit" }, "Send");
  const form = make(
    "form",
    {},
    ...parameters.map(field),
    body ? make("div", {}, make("label", { for: "body" }, "Body (application/json)"), body, members(media.schema ?? {})) : null,
    send,
  );
  const result = make("section", { "aria-label": "Answer" });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send.disabled = true;
    void run(one, parameters, body, result).finally(() => {
      send.disabled = false;
    });
  });
  const access = operation.security?.length === 0 ? "Open to everyone." : operation["x-autobot-access"] ? `Needs the right ${operation["x-autobot-access"]}.` : "Needs a credential.";
  find("operation").replaceChildren(
    make("h1", {}, make("span", { class: `method ${one.method}` }, `${one.method.toUpperCase()} `), one.path),
    make("p", {}, operation.summary ?? ""),
    operation.description ? make("p", { class: "faint" }, operation.description) : "",
    make("p", { class: "faint" }, access),
    form,
    result,
    make("h2", {}, "Answers"),
    ...answers(operation),
  );
  find("detail").focus({ preventScroll: true });
  scrollTo(0, 0);
}

async function run(one, parameters, body, result) {
  const headers = { Accept: "application/json, text/event-stream, */*" };
  const query = new URLSearchParams();
  let path = one.path;
  for (const parameter of parameters) {
    const value = find(`${parameter.in}-${parameter.name}`).value;
    if (value === "") continue;
    if (parameter.in === "path") path = path.replace(`{${parameter.name}}`, encodeURIComponent(value));
    else if (parameter.in === "query") query.append(parameter.name, value);
    else headers[parameter.name] = value;
  }
  const key = find("key").value.trim();
  if (key) headers.Authorization = `Bearer ${key}`;
  else if (one.method !== "get" && csrf) headers["X-CSRF-Token"] = csrf;
  if (body) headers["Content-Type"] = "application/json";
  const address = path.slice(1) + (query.size > 0 ? `?${query}` : "");
  const began = performance.now();
  try {
    const response = await fetch(address, { method: one.method.toUpperCase(), headers, body: body ? body.value : undefined, credentials: key ? "omit" : "same-origin" });
    const shown = make("pre", {}, "");
    result.replaceChildren(
      make("h2", {}, `${response.status} ${response.statusText} · ${Math.round(performance.now() - began)} ms`),
      make("details", {}, make("summary", {}, "Header fields"), make("pre", {}, [...response.headers].map(([name, value]) => `${name}: ${value}`).join("\n"))),
      shown,
    );
    await read(response, shown);
  } catch (error) {
    result.replaceChildren(make("p", { class: "failed" }, `No answer: ${error.message}`));
  }
}

/** Shows a body: JSON set out, anything else as it arrives, up to 200,000 characters. */
async function read(response, shown) {
  if ((response.headers.get("content-type") ?? "").includes("json")) {
    const text = await response.text();
    try {
      shown.textContent = JSON.stringify(JSON.parse(text), null, 2);
    } catch {
      shown.textContent = text;
    }
    return;
  }
  const reader = response.body?.getReader();
  const decoder = new TextDecoder();
  for (let length = 0; reader && length < 200_000; ) {
    const { done, value } = await reader.read();
    if (done) return;
    const text = decoder.decode(value, { stream: true });
    length += text.length;
    shown.append(text);
  }
  await reader?.cancel();
}

async function whoAmI() {
  const response = await fetch("api/v1/auth/me", { credentials: "same-origin", headers: { Accept: "application/json" } });
  if (!response.ok) {
    find("who").textContent = "Not signed in here: use an API key, or sign in and come back.";
    return;
  }
  const me = await response.json();
  csrf = me.csrf_token;
  find("who").textContent = `Signed in as ${me.username} (${me.role}).`;
}

async function start() {
  try {
    const response = await fetch("openapi.json");
    if (!response.ok) throw new Error(`openapi.json answered ${response.status}`);
    api = await response.json();
  } catch (error) {
    find("operation").replaceChildren(make("p", { class: "failed" }, `The document cannot be read: ${error.message}`));
    return;
  }
  find("filter").addEventListener("input", list);
  addEventListener("hashchange", show);
  show();
  await whoAmI().catch(() => {
    find("who").textContent = "The server did not say who you are.";
  });
}

void start();
