/** The shapes that cross the wire, named as the server names them. Times are RFC 3339 in UTC; positions are log positions. */

export interface Page<T> {
  items: T[];
  next_cursor: string | null;
}

/** RFC 9457 problem details, with AutoBot's members. */
export interface Problem {
  type: string;
  title: string;
  status: number;
  detail?: string | null;
  instance?: string | null;
  code?: string | null;
  correlation_id?: string | null;
  errors?: { detail: string; pointer: string }[] | null;
  /** Seconds. */
  retry_after?: number | null;
  hint?: string | null;
}

/** A failure as stored facts and answers tell it. */
export interface Failure {
  code: string;
  detail: string;
  correlation_id: string;
  hint?: string | null;
  link?: string | null;
  target?: string | null;
}

/** Why something failed: as stored, or as an HTTP answer told it. */
export type Cause = Failure | Problem;

export type Role = "admin" | "operator" | "user" | "viewer";

export interface Me {
  id: string;
  username: string;
  role: Role;
  kind: "user" | "key" | "service";
  scopes: string[];
  csrf_token: string | null;
  has_password: boolean;
}

export interface SignIn {
  user: { id: string; username: string; role: Role };
  csrf_token: string;
}

export interface User {
  id: string;
  username: string;
  role: Role;
  suspended: boolean;
  created_at: string;
  has_password: boolean;
  sign_in_link?: string | null;
}

export interface ApiKey {
  id: string;
  name: string;
  prefix: string;
  scopes: string[];
  created_at: string;
  expires_at: string | null;
  last_used_at: string | null;
  user_id: string;
  /** Only in the answer that makes the key. */
  key?: string | null;
}

export interface Model {
  id: string;
  label: string;
  provider: string;
  link: string;
  state: "ready" | "absent" | "unreachable";
  window: number | null;
  default: boolean;
  detail?: string | null;
}

export interface Session {
  id: string;
  title: string;
  model: string | null;
  created_at: string;
  updated_at: string;
  message_count: number;
  active_run_id: string | null;
}

export type MessageStatus = "complete" | "streaming" | "interrupted" | "failed" | "stopped";

export interface ServedBy {
  link: string;
  target: string;
  provider: string;
  model: string;
  fallback: boolean;
}

export interface Usage {
  prompt_tokens: number | null;
  completion_tokens: number | null;
  window: number | null;
}

export type ToolState = "queued" | "running" | "completed" | "failed";

export interface ToolCall {
  id: string;
  name: string;
  arguments: unknown;
  state: ToolState;
  result: unknown;
  duration_ms: number | null;
}

export interface Citation {
  title: string;
  source: string;
  excerpt: string;
}

export interface Message {
  id: string;
  role: "user" | "assistant" | "tool";
  content: string;
  created_at: string;
  run_id: string | null;
  parent_id: string | null;
  status: MessageStatus;
  model: string | null;
  served_by: ServedBy | null;
  usage: Usage | null;
  error: Cause | null;
  tool_calls: ToolCall[];
  citations: Citation[];
  siblings: string[];
  left_out: string[];
  /** Why the model ended, as its provider says. */
  finish_reason?: string | null;
}

export interface Accepted {
  /** The person's message. */
  message_id: string;
  /** The message that the run will write. */
  reply_id?: string;
  run_id: string;
  events_url: string;
}

export type RunState = "queued" | "running" | "completed" | "failed" | "stopped" | "interrupted";

export interface WaitingFor {
  link: string | null;
  target: string | null;
  since: string;
  detail: string | null;
}

export interface Run {
  id: string;
  session_id: string;
  message_id: string | null;
  state: RunState;
  waiting_for: WaitingFor | null;
  started_at: string | null;
  ended_at: string | null;
  error: Cause | null;
  text: string;
}

export interface SearchHit {
  session_id: string;
  session_title: string;
  message_id: string;
  excerpt: string;
  created_at: string;
}

export type BreakerState = "closed" | "open" | "half_open" | "isolated" | "shadow";

export interface RetryPolicy {
  max: number;
  /** Seconds. */
  delay: number;
  backoff: string;
}

export interface BreakerPolicy {
  failures: number;
  /** Seconds. */
  window: number;
}

export interface LinkTarget {
  address: string;
  breaker_state: BreakerState;
  calls: number;
  failures: number;
  next_probe_at: string | null;
  since: string | null;
}

/** One row of the communication matrix with what was seen on it. */
export interface Link {
  id: string;
  from: string;
  to: string;
  pattern: string;
  transport: string;
  /** Seconds. */
  timeout: number | null;
  /** Seconds. */
  total: number | null;
  retry: RetryPolicy | null;
  breaker: BreakerPolicy | null;
  bulkhead: Record<string, unknown> | number | null;
  rate_limit: Record<string, unknown> | number | null;
  cache: Record<string, unknown> | null;
  error_handling: string | null;
  source: "shipped" | "file" | "run-time";
  origin: "specification" | "ours";
  state: "in-use" | "substituted" | "absent";
  substituted_by: string | null;
  hint: string | null;
  calls: number;
  failures: number;
  /** Calls a second over the last minute. */
  rate: number;
  failure_rate: number;
  p50_ms: number | null;
  p95_ms: number | null;
  p99_ms: number | null;
  last_error: { at: string; code: string; detail: string } | null;
  targets: LinkTarget[];
}

export interface LinkPatch {
  timeout?: number | null;
  total?: number | null;
  retry?: RetryPolicy | null;
  breaker?: BreakerPolicy | null;
  reason: string;
}

export interface LinkChange {
  position: number;
  at: string;
  by: string;
  reason: string | null;
  change?: Record<string, unknown> | null;
}

export type BreakerAction = "open" | "close" | "isolate" | "release";

/** A CloudEvent as stored, with its place in the log. */
export interface StoredEvent {
  id: string;
  type: string;
  source?: string;
  subject?: string | null;
  time: string;
  correlationid?: string | null;
  causationid?: string | null;
  position: number;
  stream: string;
  revision: number;
  /** The payload was blanked; the event itself stays. */
  erased?: boolean;
  data?: unknown;
  [attribute: string]: unknown;
}

export type SettingType = "string" | "integer" | "number" | "boolean" | "enum" | "secret" | "list";

export interface Setting {
  key: string;
  title: string;
  description: string;
  group: string;
  type: SettingType;
  choices?: string[] | null;
  minimum?: number | null;
  maximum?: number | null;
  value: unknown;
  default: unknown;
  source: "default" | "file" | "stored" | "environment";
  locked_by: string | null;
  restart: boolean;
  secret: boolean;
  updated_at: string | null;
  updated_by: string | null;
}

export interface SettingChange {
  position: number;
  at: string;
  by: string;
  value: unknown;
  reason: string | null;
}

export interface HealthCheck {
  name: string;
  state: "ok" | "failing" | "absent" | "unknown";
  detail: string | null;
  checked_at: string | null;
  age_seconds: number | null;
  latency_ms: number | null;
}

export interface Health {
  status: string;
  checks: HealthCheck[];
}

export interface Info {
  version: string;
  started_at: string;
  mode: string;
  data_dir?: string | null;
  python: string;
  platform: string;
}
