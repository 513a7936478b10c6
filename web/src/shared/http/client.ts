/** The only door to the server's HTTP API: adds the session's proof, an idempotency key to every write, and the browser's row. */
import { addressOf } from "./base";
import { randomId } from "./ids";
import { Pipeline, type Exchange, type Means } from "./pipeline";
import { GATEWAY_ROW, gatewayPolicy, LIVE_ROW, livePolicy, type Reconnect } from "./policy";
import { ApiError } from "./problem";

export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
export type Query = Record<string, string | number | boolean | null | undefined>;

export interface CallOptions {
  query?: Query;
  body?: unknown;
  /** A form with files in place of a body of JSON. */
  form?: FormData;
  /** The entity tag that the object must still have (RFC 9110, section 13.1.1): else the answer is a 412. */
  ifMatch?: string;
  /** Longest wait for one attempt in milliseconds, where what is sent takes its time. */
  timeoutMs?: number;
  /** Reuse the key of an earlier try, so that a repeat by hand cannot act twice. */
  idempotencyKey?: string;
  headers?: Record<string, string>;
  signal?: AbortSignal;
  /** Of a list that a read model serves: wait until it shows all that this page wrote (`min_position`). */
  fresh?: boolean;
}

/** An object with its entity tag as it was read; the tag is empty where the server gave none. */
export interface Tagged<T> {
  readonly value: T;
  readonly tag: string;
}

/* eslint-disable no-restricted-globals, no-restricted-properties -- the shell where the world comes in */
const browserMeans: Means = {
  send: (request) => fetch(request),
  now: () => performance.now(),
  wallNow: () => Date.now(),
  chance: () => Math.random(),
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(new DOMException("aborted", "AbortError"));
      const timer = setTimeout(resolve, ms);
      signal?.addEventListener("abort", () => (clearTimeout(timer), reject(new DOMException("aborted", "AbortError"))), { once: true });
    }),
};
/* eslint-enable no-restricted-globals, no-restricted-properties */

export class ApiClient {
  readonly pipeline: Pipeline;
  /** How a live connection is dialled again. */
  live: Reconnect = LIVE_ROW;
  /** The log position of this page's newest write. */
  private written = 0;
  private csrf: string | null = null;
  private readonly base: string;
  private readonly onSignedOut = new Set<() => void>();

  constructor(base: string, means: Means = browserMeans) {
    this.base = base;
    this.pipeline = new Pipeline(GATEWAY_ROW, means);
  }

  /** The proof that state-changing requests come from our own page; null after sign-out. */
  setCsrfToken(token: string | null): void {
    this.csrf = token;
  }

  /** Calls `listener` when an answer says that the session is over. */
  whenSignedOut(listener: () => void): () => void {
    this.onSignedOut.add(listener);
    return () => this.onSignedOut.delete(listener);
  }

  /** Tells everybody who asked that the session is over. */
  signedOut(): void {
    for (const listener of this.onSignedOut) listener();
  }

  get<T>(path: string, query?: Query, signal?: AbortSignal): Promise<T> {
    return this.call<T>("GET", path, { query, signal });
  }
  /** Reads a list that a read model serves, with all that this page wrote in it. */
  getFresh<T>(path: string, query?: Query, signal?: AbortSignal): Promise<T> {
    return this.call<T>("GET", path, { query, signal, fresh: true });
  }
  /** Reads an object that is to be changed only while it is as it was read. */
  async getTagged<T>(path: string, signal?: AbortSignal): Promise<Tagged<T>> {
    const { response, body } = await this.exchange("GET", path, { signal });
    return { value: body as T, tag: response.headers.get("ETag") ?? "" };
  }
  post<T>(path: string, body: unknown, options: CallOptions = {}): Promise<T> {
    return this.call<T>("POST", path, { ...options, body });
  }
  /** Sends a form with files. */
  send<T>(path: string, form: FormData, options: CallOptions = {}): Promise<T> {
    return this.call<T>("POST", path, { ...options, form });
  }
  put<T>(path: string, body: unknown, options: CallOptions = {}): Promise<T> {
    return this.call<T>("PUT", path, { ...options, body });
  }
  patch<T>(path: string, body: unknown, options: CallOptions = {}): Promise<T> {
    return this.call<T>("PATCH", path, { ...options, body });
  }
  remove<T = null>(path: string, options: CallOptions = {}): Promise<T> {
    return this.call<T>("DELETE", path, options);
  }

  /** @throws ApiError */
  async call<T>(method: Method, path: string, options: CallOptions = {}): Promise<T> {
    return (await this.exchange(method, path, options)).body as T;
  }

  private async exchange(method: Method, path: string, options: CallOptions): Promise<Exchange> {
    try {
      const found = await this.pipeline.call(this.request(method, path, options), options.timeoutMs);
      if (method !== "GET") this.wrote(found.response);
      return found;
    } catch (error) {
      // The row's repeats are over: an older list now is more use than none.
      if (options.fresh && error instanceof ApiError && error.code === "stale") return this.exchange(method, path, { ...options, fresh: false });
      if (error instanceof ApiError && error.status === 401 && !path.startsWith("/api/v1/auth/")) {
        this.signedOut();
      }
      throw error;
    }
  }

  /** Takes the browser's rows from the server. The defaults hold when it does not answer. */
  async loadPolicy(): Promise<void> {
    try {
      const rows = await this.get("/api/v1/system/client-policy");
      this.pipeline.policy = gatewayPolicy(rows);
      this.live = livePolicy(rows);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
    }
  }

  /** The address of `path` for links that the browser itself follows, such as downloads. */
  address(path: string, query: Query = {}): string {
    const search = new URLSearchParams();
    for (const [name, value] of Object.entries(query)) {
      if (value !== null && value !== undefined && value !== "") search.set(name, String(value));
    }
    const text = search.toString();
    return addressOf(path, this.base) + (text ? `?${text}` : "");
  }

  private wrote(response: Response): void {
    const position = Number(response.headers.get("X-Log-Position"));
    if (position > this.written) this.written = position;
  }

  private request(method: Method, path: string, options: CallOptions): Request {
    const headers = new Headers(options.headers);
    headers.set("Accept", "application/json, application/problem+json");
    if (options.ifMatch) headers.set("If-Match", options.ifMatch);
    if (method !== "GET") {
      headers.set("Idempotency-Key", `"${options.idempotencyKey ?? randomId()}"`);
      if (this.csrf !== null) headers.set("X-CSRF-Token", this.csrf);
    }
    if (options.body !== undefined) headers.set("Content-Type", "application/json");
    const query = options.fresh && this.written > 0 ? { ...options.query, min_position: this.written } : options.query;
    const url = new URL(this.address(path, query), location.origin);
    return new Request(url, {
      method,
      headers,
      // The browser names the boundary of a form itself.
      body: options.form ?? (options.body === undefined ? undefined : JSON.stringify(options.body)),
      credentials: "same-origin",
      cache: "no-cache",
      signal: options.signal ?? null,
    });
  }
}
