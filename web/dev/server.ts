/** A small stand-in for the server, to look at screens with invented data: `npm run fake`, then `npm run dev`. Never part of a build. */
import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { answer, events, keys, links, models, sampleMessages, sessions, settings, users } from "./data.ts";

type Params = Record<string, string>;
type Reply = { status?: number; body?: unknown };
type Handler = (params: Params, body: Record<string, unknown>, query: URLSearchParams) => Reply | Promise<Reply>;

const page = (items: unknown): Reply => ({ body: { items, next_cursor: null } });
const problem = (status: number, code: string, detail: string): Reply => ({
  status,
  body: { type: `urn:autobot:problem:${code}`, title: detail, status, detail, code, correlation_id: "01920f4e-8a3b-7c55-9f20-6d2a41b6c9e1" },
});

const me = { id: "u1", username: "admin", role: "admin", kind: "user", scopes: ["*"], csrf_token: "token", has_password: true };
let signedIn = true;
let serial = 0;
const messages = new Map<string, Record<string, unknown>[]>([["s1", sampleMessages()]]);
interface FakeRun { id: string; sessionId: string; messageId: string; text: string; done: boolean; stopped: boolean; listeners: Set<() => void>; facts: [string, object][]; failing: boolean }
const runs = new Map<string, FakeRun>();
const newId = (kind: string): string => `${kind}${Date.now()}${(serial += 1)}`;

function startRun(sessionId: string, content: string): Reply {
  const list = messages.get(sessionId) ?? [];
  const time = new Date().toISOString();
  const base = { created_at: time, parent_id: null, model: null, served_by: null, usage: null, error: null, tool_calls: [], citations: [], left_out: [] };
  const userId = newId("m");
  const replyId = newId("m");
  const run: FakeRun = { id: newId("r"), sessionId, messageId: replyId, text: "", done: false, stopped: false, listeners: new Set(), facts: [], failing: /fail/.test(content) };
  list.push({ ...base, id: userId, role: "user", content, run_id: null, status: "complete", siblings: [userId] });
  list.push({ ...base, id: replyId, role: "assistant", content: "", run_id: run.id, status: "streaming", siblings: [replyId] });
  messages.set(sessionId, list);
  runs.set(run.id, run);
  const session = sessions.find(({ id }) => id === sessionId);
  if (session) Object.assign(session, { active_run_id: run.id, updated_at: time, title: session.title || content.slice(0, 60) });
  play(run, /slow/.test(content) ? 12_000 : 900);
  return { status: 202, body: { message_id: userId, run_id: run.id, events_url: `/api/v1/chat/runs/${run.id}/events` } };
}

const poke = (run: FakeRun): void => run.listeners.forEach((listener) => listener());
function play(run: FakeRun, wait: number): void {
  const fact = (name: string, data: object): void => void (run.facts.push([`autobot.runs.${name}.v1`, data]), poke(run));
  fact("run_started", {});
  fact("step_started", { step: 1, kind: "model", link: "ai-ollama", target: "http://127.0.0.1:11434", detail: "loading the model" });
  fact("step_started", { step: 2, kind: "tool", name: "tool-time", detail: { id: "c1", name: "time", arguments: { zone: "Europe/Berlin" } } });
  setTimeout(() => fact("step_completed", { step: 2, name: "tool-time", duration_ms: 640, output: { state: "completed", result: "12:04" } }), 640);
  const words = answer.match(/\s*\S+\s*/g) ?? [];
  let at = 0;
  const timer = setInterval(() => {
    if (run.stopped || (run.failing && at > 8) || at >= words.length) {
      clearInterval(timer);
      finish(run);
      return;
    }
    run.text += words[at] ?? "";
    at += 1;
    poke(run);
  }, 40);
  if (wait > 1000) clearInterval(timer);
  if (wait > 1000) setTimeout(() => play({ ...run, facts: [] }, 0), wait);
}

function finish(run: FakeRun): void {
  const failure = { code: "connection-lost", detail: "The connection broke before the answer was whole.", correlation_id: "01920f4e-8a3b", hint: "Try again." };
  const reply = messages.get(run.sessionId)?.find(({ id }) => id === run.messageId);
  const status = run.stopped ? "stopped" : run.failing ? "failed" : "complete";
  Object.assign(reply ?? {}, { content: run.text, status, error: run.failing ? failure : null, served_by: { link: "ai-ollama", target: "http://127.0.0.1:11434", provider: "ollama", model: "qwen3:8b", fallback: false }, usage: { prompt_tokens: 900, completion_tokens: 312, window: 8192 } });
  Object.assign(sessions.find(({ id }) => id === run.sessionId) ?? {}, { active_run_id: null });
  run.done = true;
  run.facts.push([`autobot.runs.${run.stopped ? "run_stopped" : run.failing ? "run_failed" : "run_completed"}.v1`, run.failing ? { error: failure } : { message_id: run.messageId }]);
  poke(run);
}

function stream(run: FakeRun, response: ServerResponse, after: number): void {
  const channel = `run:${run.id}`;
  response.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-store" });
  const send = (event: string, data: object, id?: number): void => void response.write(`${id === undefined ? "" : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify({ type: event, channel, ...data })}\n\n`);
  let sent = after;
  let offset = 0;
  send("snapshot", { run_id: run.id, text: run.text });
  offset = [...run.text].length;
  const update = (): void => {
    const fresh = [...run.text].slice(offset).join("");
    if (fresh) send("delta", { run_id: run.id, offset, text: fresh });
    offset += [...fresh].length;
    for (; sent < run.facts.length; sent += 1) {
      const [type, data] = run.facts[sent] ?? ["", {}];
      send("event", { seq: sent + 1, event: { type, time: new Date().toISOString(), data } }, sent + 1);
    }
    if (run.done) response.end();
  };
  run.listeners.add(update);
  response.on("close", () => run.listeners.delete(update));
  update();
}

const routes: [string, string, Handler][] = [
  ["GET", "/auth/me", () => (signedIn ? { body: me } : problem(401, "unauthenticated", "Sign in first."))],
  ["POST", "/auth/login", (_, body) => (body.password === "autobot" ? ((signedIn = true), { body: { user: me, csrf_token: "token" } }) : problem(401, "unauthenticated", "User name or password is not right."))],
  ["POST", "/auth/link", (_, body) => (body.token === "good" ? ((signedIn = true), { body: { user: me, csrf_token: "token" } }) : problem(401, "unauthenticated", "The link was used."))],
  ["POST", "/auth/logout", () => ((signedIn = false), { status: 204 })],
  ["POST", "/auth/password", () => ({ status: 204 })],
  ["GET", "/auth/users", () => page(users)],
  ["POST", "/auth/users", (_, body) => (users.push({ id: newId("u"), username: String(body.username), role: String(body.role), suspended: false, created_at: new Date().toISOString(), has_password: "password" in body }), { status: 201, body: { ...users.at(-1), sign_in_link: "password" in body ? null : "http://127.0.0.1:8001/sign-in#token=kP3nV8w2" } })],
  ["PATCH", "/auth/users/:id", ({ id }, body) => ({ body: Object.assign(users.find((user) => user.id === id) ?? {}, body) })],
  ["GET", "/auth/keys", () => page(keys)],
  ["POST", "/auth/keys", (_, body) => ({ status: 201, body: { ...keys[0], ...body, id: newId("k"), key: "ab_9xK2mQv7RtLw4ZpY8sNc3Hb6" } })],
  ["DELETE", "/auth/keys/:id", () => ({ status: 204 })],
  ["GET", "/chat/models", () => page(models)],
  ["GET", "/chat/sessions", (_, __, query) => page(sessions.filter(({ title }) => String(title).toLowerCase().includes((query.get("q") ?? "").toLowerCase())).sort((a, b) => String(b.updated_at).localeCompare(String(a.updated_at))))],
  ["GET", "/chat/search", (_, __, query) => page(query.get("q") ? [{ session_id: "s1", session_title: "Calling AutoBot from Python", message_id: "m2", excerpt: `… the word ${query.get("q")} in what was said …`, created_at: new Date().toISOString() }] : [])],
  ["POST", "/chat/sessions", () => { const made = { id: newId("s"), title: "", model: null, created_at: new Date().toISOString(), updated_at: new Date().toISOString(), message_count: 0, active_run_id: null }; sessions.unshift(made); return { status: 201, body: made }; }],
  ["GET", "/chat/sessions/:id", ({ id }) => { const found = sessions.find((session) => session.id === id); return found ? { body: found } : problem(404, "not-found", "There is no such chat, or it is not yours."); }],
  ["PATCH", "/chat/sessions/:id", ({ id }, body) => ({ body: Object.assign(sessions.find((session) => session.id === id) ?? {}, body) })],
  ["DELETE", "/chat/sessions/:id", ({ id }) => (sessions.splice(sessions.findIndex((session) => session.id === id), 1), { status: 204 })],
  ["GET", "/chat/sessions/:id/messages", ({ id = "" }) => page(messages.get(id) ?? [])],
  ["POST", "/chat/sessions/:id/messages", ({ id = "" }, body) => startRun(id, String(body.content))],
  ["POST", "/chat/sessions/:id/messages/:mid/edit", ({ id = "" }, body) => startRun(id, String(body.content))],
  ["POST", "/chat/sessions/:id/messages/:mid/regenerate", ({ id = "" }) => startRun(id, "again")],
  ["POST", "/chat/sessions/:id/branch", ({ id }) => ({ body: sessions.find((session) => session.id === id) })],
  ["GET", "/chat/runs/:id", ({ id = "" }) => { const run = runs.get(id); return run ? { body: { id, session_id: run.sessionId, message_id: run.messageId, state: run.done ? "completed" : "running", waiting_for: null, started_at: new Date().toISOString(), ended_at: null, error: null, text: run.text } } : problem(404, "not-found", "No such run."); }],
  ["POST", "/chat/runs/:id/stop", ({ id = "" }) => { const run = runs.get(id); if (run) run.stopped = true; return { status: 202, body: { run_id: id, state: "running" } }; }],
  ["GET", "/system/client-policy", () => page(links.slice(0, 2))],
  ["GET", "/system/health/live", () => ({ body: { status: "live" } })],
  ["GET", "/system/links", () => (links.forEach((link) => Object.assign(link, link.state === "in-use" ? { calls: link.calls + Math.round(link.rate * 2), rate: Math.max(0.05, link.rate + (Math.random() - 0.5) * 0.3) } : {})), page(links))],
  ["GET", "/system/links/:id", ({ id }) => { const found = links.find((link) => link.id === id); return found ? { body: found } : problem(404, "not-found", "No such link."); }],
  ["PATCH", "/system/links/:id", ({ id }, { reason: _, ...body }) => ({ body: Object.assign(links.find((link) => link.id === id) ?? {}, body, { source: "run-time" }) })],
  ["POST", "/system/links/:id/breaker", ({ id }, body) => { const link = links.find((each) => each.id === id); for (const target of link?.targets ?? []) target.breaker_state = ({ open: "open", close: "closed", isolate: "isolated", release: "closed" } as Record<string, string>)[String(body.action)] ?? "closed"; return { body: link }; }],
  ["POST", "/system/links/:id/revert", ({ id }) => ({ body: links.find((link) => link.id === id) })],
  ["GET", "/system/links/:id/history", () => page([{ position: 812, at: new Date(Date.now() - 9e6).toISOString(), by: "mira", reason: "Ollama is slow while it indexes", change: { timeout: 60 } }, { position: 640, at: new Date(Date.now() - 9e7).toISOString(), by: "admin", reason: "fewer retries", change: { retry: { max: 1, delay: 0.1, backoff: "exponential" } } }])],
  ["GET", "/system/events", (_, __, query) => {
    const wanted = events.filter((event) => event.type.includes(query.get("type") ?? "") && event.stream.includes(query.get("stream") ?? "") && event.correlationid.includes(query.get("correlation_id") ?? ""));
    if (query.has("after")) return page(wanted.filter(({ position }) => position > Number(query.get("after"))).slice(0, 1));
    const before = Number(query.get("cursor") ?? Infinity);
    const items = wanted.filter(({ position }) => position < before).reverse().slice(0, Number(query.get("limit") ?? 50));
    return { body: { items, next_cursor: items.length && wanted[0] && (items.at(-1)?.position ?? 0) > wanted[0].position ? String(items.at(-1)?.position) : null } };
  }],
  ["GET", "/settings", () => page(settings)],
  ["PUT", "/settings/:key", ({ key }, body) => ({ body: Object.assign(settings.find((each) => each.key === key) ?? {}, { value: body.value, source: "stored", updated_at: new Date().toISOString(), updated_by: "admin" }) })],
  ["DELETE", "/settings/:key", ({ key }) => { const found = settings.find((each) => each.key === key); return { body: Object.assign(found ?? {}, { value: found?.default, source: "default" }) }; }],
  ["GET", "/settings/:key/history", () => page([{ position: 900, at: new Date(Date.now() - 1e7).toISOString(), by: "admin", value: "qwen3:8b", reason: "better at German" }, { position: 410, at: new Date(Date.now() - 9e8).toISOString(), by: "admin", value: "llama3.2:3b", reason: null }])],
  ["POST", "/settings/:key/revert", ({ key }) => ({ body: settings.find((each) => each.key === key) })],
];

function find(method: string, path: string): [Handler, Params] | null {
  for (const [verb, pattern, handler] of routes) {
    const found = new RegExp(`^/api/v1${pattern.replace(/:(\w+)/g, "(?<$1>[^/]+)")}$`).exec(path);
    if (verb === method && found) return [handler, Object.fromEntries(Object.entries(found.groups ?? {}).map(([name, value]) => [name, decodeURIComponent(value)]))];
  }
  return null;
}

async function bodyOf(request: IncomingMessage): Promise<Record<string, unknown>> {
  let text = "";
  for await (const chunk of request) text += String(chunk);
  return text ? (JSON.parse(text) as Record<string, unknown>) : {};
}

/** Mount path of the built client, as a reverse proxy would have it: `MOUNT=/tools/bot/ npm run fake`. */
const mount = process.env.MOUNT ?? "/";
const POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; style-src-attr 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; manifest-src 'self'; worker-src 'self'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'";
const KINDS: Record<string, string> = { js: "text/javascript", css: "text/css", svg: "image/svg+xml", woff2: "font/woff2" };

/** The built client with the policy that the real server sends, to see what it would refuse. */
async function serveFile(path: string, response: ServerResponse): Promise<void> {
  const kind = KINDS[path.split(".").at(-1) ?? ""];
  const name = kind ? path : "index.html";
  const body = await readFile(new URL(`../dist/${name}`, import.meta.url)).catch(() => null);
  if (body === null) return void response.writeHead(404).end();
  response.writeHead(200, { "Content-Type": kind ?? "text/html; charset=utf-8", "Content-Security-Policy": POLICY });
  response.end(kind ? body : body.toString().replaceAll("__AUTOBOT_BASE__", mount));
}

async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? "/", "http://fake");
  if (!url.pathname.startsWith(mount)) return void response.writeHead(404).end();
  url.pathname = `/${url.pathname.slice(mount.length)}`;
  if (!url.pathname.startsWith("/api/")) return serveFile(url.pathname.slice(1), response);
  const run = /^\/api\/v1\/chat\/runs\/([^/]+)\/events$/.exec(url.pathname)?.[1];
  const found = run ? runs.get(run) : undefined;
  if (found) return stream(found, response, Number(url.searchParams.get("after") ?? 0));
  const route = find(request.method ?? "GET", url.pathname);
  const { status = 200, body } = route ? await route[0](route[1], await bodyOf(request), url.searchParams) : problem(404, "not-found", `No route ${url.pathname}.`);
  response.writeHead(status, { "Content-Type": status >= 400 ? "application/problem+json" : "application/json" });
  response.end(body === undefined ? undefined : JSON.stringify(body));
}

const port = Number(process.env.PORT ?? 8101);
createServer((request, response) => void serve(request, response)).listen(port, "127.0.0.1", () => console.log(`fake server on http://127.0.0.1:${port}`));
