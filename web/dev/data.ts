/** Invented data for looking at screens while the server is not at hand. Never part of a build. */

const ago = (seconds: number): string => new Date(Date.now() - seconds * 1000).toISOString();
const HOUR = 3600;
const DAY = 24 * HOUR;

type Row = [id: string, pattern: string, transport: string, origin: string, state: string, calls: number, rate: number, p50: number | null, extra?: Record<string, unknown>];

const names: Record<string, string> = {
  frontend: "Frontend", gateway: "API Gateway", backend: "Backend", ai: "AI Service", npu: "NPU Worker", redis: "Redis", services: "Services", event_bus: "Event Bus",
  routers: "API Routers", repositories: "Repositories", publisher: "Event Publisher", orchestrator: "Orchestrator", agents: "Agents", llm: "LLM Interface", ollama: "Ollama",
  openai: "OpenAI-compatible", llamacpp: "llama.cpp", browser: "Browser Worker", store: "Database", notify: "Notifications",
};

const rows: Row[] = [
  ["frontend-gateway", "request-response", "http", "specification", "in-use", 1843, 2.4, 6.1],
  ["frontend-backend", "streaming", "websocket", "specification", "in-use", 42, 0.2, 1.2],
  ["gateway-backend", "request-response", "direct", "ours", "in-use", 1821, 2.3, 3.8],
  ["gateway-ai", "async-command", "http", "specification", "in-use", 128, 0.4, 11],
  ["backend-ai", "async-command", "direct", "ours", "in-use", 96, 0.3, 1.1],
  ["ai-backend", "request-response", "direct", "ours", "in-use", 311, 0.9, 0.8],
  ["ai-npu", "request-response", "http", "specification", "absent", 0, 0, null, { hint: "autobot add npu" }],
  ["backend-redis", "pub-sub", "pubsub", "specification", "substituted", 0, 0, null, { substituted_by: "the event store's own log", hint: "autobot add redis" }],
  ["services-event_bus", "fire-and-forget", "stream", "specification", "in-use", 902, 1.6, 0.4],
  ["routers-services", "direct", "direct", "specification", "in-use", 1790, 2.2, 2.9],
  ["services-repositories", "direct", "direct", "specification", "in-use", 2640, 3.1, 1.4],
  ["services-publisher", "direct", "direct", "specification", "in-use", 902, 1.6, 0.2],
  ["orchestrator-agents", "direct", "direct", "specification", "in-use", 96, 0.3, 840],
  ["agents-llm", "direct", "direct", "specification", "in-use", 118, 0.35, 720],
  ["ai-ollama", "streaming", "http", "ours", "in-use", 84, 0.3, 640, { failures: 11, failure_rate: 0.13, breaker: "open", last_error: { at: ago(14), code: "connect-failed", detail: "http://127.0.0.1:11434 refused the connection." } }],
  ["ai-openai", "streaming", "http", "ours", "in-use", 31, 0.1, 410, { failures: 1, failure_rate: 0.03, breaker: "half_open" }],
  ["ai-llamacpp", "streaming", "http", "ours", "absent", 0, 0, null, { hint: "autobot add local-llm" }],
  ["backend-browser", "request-response", "http", "ours", "absent", 0, 0, null, { hint: "autobot add browser" }],
  ["backend-store", "direct", "direct", "ours", "in-use", 3980, 4.8, 0.6],
  ["backend-notify", "fire-and-forget", "http", "ours", "absent", 0, 0, null, { hint: "Set AUTOBOT_NOTIFY_URL to a notification address." }],
];

export const links = rows.map(([id, pattern, transport, origin, state, calls, rate, p50, extra = {}]) => {
  const [from = "", to = ""] = id.split("-");
  const { breaker = "closed", ...rest } = extra;
  return {
    id, from: names[from] ?? from, to: names[to] ?? to, pattern, transport, timeout: transport === "direct" ? null : 30, total: pattern === "streaming" ? 900 : null,
    retry: transport === "http" ? { max: 3, delay: 0.1, backoff: "exponential" } : null, breaker: transport === "http" ? { failures: 5, window: 60 } : null,
    bulkhead: transport === "http" ? { limit: 64, queue: 16 } : null, rate_limit: null, cache: null, error_handling: "propagate", source: "shipped", origin, state,
    substituted_by: null, hint: null, calls, failures: 0, rate, failure_rate: 0, p50_ms: p50, p95_ms: p50 && p50 * 2.6, p99_ms: p50 && p50 * 4.4, last_error: null,
    targets: state === "in-use" ? [{ address: transport === "http" ? "http://127.0.0.1:11434" : "in process", breaker_state: breaker, calls, failures: 0, next_probe_at: breaker === "open" ? new Date(Date.now() + 9000).toISOString() : null, since: ago(340) }] : [],
    ...rest,
  };
});

export const answer = `AutoBot routes every hop through **one communication matrix**. Ask for it any time:

1. \`/links\` lists the rows in use
2. \`/status\` says how each part is
3. The [Links page](https://example.org) shows them live

\`\`\`python
from openai import OpenAI

client = OpenAI(base_url="http://127.0.0.1:8001/v1", api_key="…")
reply = client.chat.completions.create(
    model="agent:assistant",  # always listed
    messages=[{"role": "user", "content": "hello"}],
)
print(reply.choices[0].message.content)
\`\`\`

| link | timeout | breaker |
|---|---|---|
| frontend → gateway | 30 s | 5 in 60 s |
| gateway → ai | 60 s | 10 in 120 s |

> A hop without a row cannot be made.
`;

const message = (id: string, role: string, content: string, seconds: number, more: object = {}): Record<string, unknown> => ({
  id, role, content, created_at: ago(seconds), run_id: role === "assistant" ? `run-${id}` : null, parent_id: null, status: "complete", model: null, served_by: null, usage: null,
  error: null, tool_calls: [], citations: [], siblings: [id], left_out: [], ...more,
});

const served = { link: "ai-ollama", target: "http://127.0.0.1:11434", provider: "ollama", model: "qwen3:8b", fallback: false };
export const sampleMessages = (): Record<string, unknown>[] => [
  message("m1", "user", "How do I call AutoBot from Python?", 400, { siblings: ["m0", "m1"] }),
  message("m2", "assistant", answer, 390, {
    served_by: served, usage: { prompt_tokens: 5210, completion_tokens: 312, window: 8192 }, model: "qwen3:8b", siblings: ["m2", "m2b", "m2c"],
    tool_calls: [
      { id: "t1", name: "search_docs", arguments: { query: "openai dialect python client" }, state: "completed", result: "3 passages", duration_ms: 12.4 },
      { id: "t2", name: "read_setting", arguments: { key: "server.public_url" }, state: "failed", result: "The setting is not readable for this role.", duration_ms: 0.8 },
    ],
    citations: [
      { title: "OpenAI dialect", source: "docs/guides/openai.md", excerpt: "Existing clients work: set the base address to /v1 and use an API key." },
      { title: "Keys and scopes", source: "docs/guides/access.md", excerpt: "A key belongs to a user and sees what that user sees within its scopes." },
    ],
  }),
  message("m3", "user", "And if Ollama is down?", 300),
  message("m4", "assistant", "The breaker of `ai-ollama` opens after five failures", 290, {
    served_by: { ...served, link: "ai-openai", provider: "openai", model: "gpt-oss-20b", fallback: true }, status: "failed", left_out: ["m0", "x1", "x2"],
    error: { code: "connect-failed", detail: "http://127.0.0.1:11434 refused the connection.", correlation_id: "01920f4e-8a3b-7c55-9f20-6d2a41b6c9e1", hint: "Start Ollama, or choose another model for this chat.", link: "ai-ollama", target: "http://127.0.0.1:11434" },
  }),
];

const session = (id: string, title: string, seconds: number, count = 4): Record<string, unknown> => ({ id, title, model: null, created_at: ago(seconds), updated_at: ago(seconds), message_count: count, active_run_id: null });
export const sessions = [
  session("s1", "Calling AutoBot from Python", 300), session("s2", "Nightly backup of the photo server", 2 * HOUR), session("s3", "Why was the NPU slow yesterday?", DAY + HOUR),
  session("s4", "Compare three invoices", 1.2 * DAY), session("s5", "Draft an answer to the landlord about the heating that has been out for a week", 3 * DAY), session("s6", "Tailscale and Caddy", 5 * DAY),
  session("s7", "Recipes from the scanned book", 12 * DAY), session("s8", "Router logs", 60 * DAY),
];

export const models = [
  { id: "ollama:qwen3:8b", label: "qwen3:8b", provider: "ollama", link: "ai-ollama", state: "ready", window: 8192, default: true, detail: null },
  { id: "ollama:llama3.2:3b", label: "llama3.2:3b", provider: "ollama", link: "ai-ollama", state: "ready", window: 131072, default: false, detail: null },
  { id: "openai:gpt-oss-20b", label: "gpt-oss-20b", provider: "openai", link: "ai-openai", state: "unreachable", window: null, default: false, detail: "No answer from http://10.0.0.4:8000 for 40 s." },
  { id: "agent:assistant", label: "Built-in assistant", provider: "assistant", link: "agents-llm", state: "ready", window: null, default: false, detail: null },
  { id: "llamacpp:local", label: "Local GGUF", provider: "llamacpp", link: "ai-llamacpp", state: "absent", window: null, default: false, detail: "autobot add local-llm" },
];

const setting = (key: string, title: string, group: string, type: string, value: unknown, more: object = {}): Record<string, unknown> => ({
  key, title, description: `What ${title.toLowerCase()} does, in a sentence that a newcomer understands.`, group, type, value, default: value, source: "default", locked_by: null, restart: false,
  secret: type === "secret", updated_at: null, updated_by: null, ...more,
});
export const settings = [
  setting("model.default", "Default model", "Models", "string", "qwen3:8b", { source: "stored", default: null, updated_at: ago(3 * HOUR), updated_by: "admin" }),
  setting("model.failover", "Failover chain", "Models", "list", ["ollama:qwen3:8b", "openai:gpt-oss-20b"], { default: [] }),
  setting("ollama.url", "Ollama address", "Models", "string", "http://127.0.0.1:11434", { source: "environment", locked_by: "AUTOBOT_OLLAMA_URL" }),
  setting("openai.key", "API key of the OpenAI-compatible server", "Models", "secret", "••••••••", { source: "file", default: null }),
  setting("chat.title_from_first", "Title from the first message", "Chat", "boolean", true),
  setting("chat.tokens_max", "Longest answer", "Chat", "integer", 4096),
  setting("server.log_level", "Log level", "Server", "enum", "info", { choices: ["debug", "info", "warning", "error"] }),
  setting("server.port", "Port", "Server", "integer", 8001, { restart: true, source: "file", default: 8000 }),
];

const types = ["autobot.chat.message_posted.v1", "autobot.chat.reply_requested.v1", "autobot.agents.run_started.v1", "autobot.agents.step_started.v1", "autobot.agents.step_completed.v1", "autobot.agents.run_completed.v1", "autobot.chat.reply_recorded.v1", "autobot.system.breaker_opened.v1", "autobot.identity.signed_in.v1", "autobot.settings.changed.v1"];
export const events = Array.from({ length: 260 }, (_, index) => {
  const position = index + 1;
  const type = types[index % types.length] ?? "";
  return {
    specversion: "1.0", id: `01920f4e-8a3b-7c55-9f20-${String(position).padStart(12, "0")}`, source: "/autobot/chat", type, subject: null, time: ago((260 - index) * 37), datacontenttype: "application/json",
    correlationid: `01920f4e-8a3b-7c55-aaaa-${String(Math.floor(index / 6)).padStart(12, "0")}`, causationid: null, partitionkey: `chat-${index % 5}`, position, stream: `${type.split(".")[1]}-${index % 5}`, revision: Math.floor(index / 5),
    data: { session_id: "s1", text: "a value of this fact", index },
  };
});

export const users = [
  { id: "u1", username: "admin", role: "admin", suspended: false, created_at: ago(40 * DAY), has_password: true },
  { id: "u2", username: "mira", role: "operator", suspended: false, created_at: ago(20 * DAY), has_password: true },
  { id: "u3", username: "jonas", role: "user", suspended: true, created_at: ago(9 * DAY), has_password: true },
  { id: "u4", username: "guest", role: "viewer", suspended: false, created_at: ago(2 * HOUR), has_password: false },
];
export const keys = [
  { id: "k1", name: "backup script", prefix: "ab_7f3k", scopes: ["*"], created_at: ago(18 * DAY), expires_at: null, last_used_at: ago(50), user_id: "u1" },
  { id: "k2", name: "editor", prefix: "ab_q91x", scopes: ["chat:write", "models:read"], created_at: ago(6 * DAY), expires_at: new Date(Date.now() + 5 * DAY * 1000).toISOString(), last_used_at: null, user_id: "u1" },
];
