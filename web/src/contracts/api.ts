/**
 * The shapes that cross the wire, taken from the server's schema (`npm run types`). Times are RFC 3339 in UTC; positions
 * are log positions. Rows of the matrix and events of the log are open documents in the schema and are written out here.
 */
import type { components } from "./openapi";

type Schemas = components["schemas"];

/** Answers carry every member; the schema calls those with a default optional because a request may leave them out. */
type Whole<T> = T extends readonly (infer Each)[] ? Whole<Each>[] : T extends object ? { [Name in keyof T]-?: Whole<Exclude<T[Name], undefined>> } : T;

export interface Page<T> {
  items: T[];
  next_cursor: string | null;
}

/** A list that a read model serves, with what it lacks. */
export interface Listing<T> extends Page<T> {
  behind: Behind | null;
}
export type Behind = Whole<Schemas["Behind"]>;

/** RFC 9457 problem details, with AutoBot's members. */
export type Problem = Schemas["Problem"];
/** A failure as stored facts and answers tell it. */
export type Failure = NonNullable<Message["error"]>;
/** Why something failed: as stored, or as an HTTP answer told it. */
export type Cause = Failure | Problem;

export type Me = Omit<Whole<Schemas["MeAnswer"]>, "role"> & { role: Role };
export type SignIn = Whole<Schemas["SignedInAnswer"]>;
export type User = Whole<Schemas["UserView"]>;
/** The answer that makes a user: with a one-time link when there is no password. */
export type NewUser = Whole<Schemas["ShownUser"]>;
export type Role = User["role"];
export type ApiKey = Whole<Schemas["KeyView"]>;
/** The answer that makes a key: the only one that carries it. */
export type NewKey = Whole<Schemas["ShownKey"]>;
export type SignInLink = Whole<Schemas["ShownLink"]>;

export type SchemaSummary = Whole<Schemas["SchemaSummary"]>;
/** `schema` and `example` are what their owner made them. */
export type SchemaVersion = Omit<Whole<Schemas["SchemaVersion"]>, "schema" | "example"> & { schema: unknown; example: unknown };
export type SchemaType = Omit<Whole<Schemas["SchemaType"]>, "versions"> & { versions: SchemaVersion[] };

export type Density = Whole<Schemas["Density"]>;
export type ReadModels = Whole<Schemas["ReadModels"]>;
export type ReadModel = ReadModels["items"][number];
export type ReadModelChange = Whole<Schemas["ReadModelChange"]>;
export type ReadModelAct = ReadModelChange["act"];
export type SkippedEvent = Whole<Schemas["SkippedEvent"]>;
/** Documents are what their read model makes them. */
export type PastPage = Omit<Whole<Schemas["PastPage"]>, "items"> & { items: { key: string; owner: string; document: Record<string, unknown> }[] };
export type Difference = { key: string; change: "added" | "removed" | "changed"; before: Record<string, unknown> | null; after: Record<string, unknown> | null };
export type DifferencePage = Omit<Whole<Schemas["DifferencePage"]>, "items"> & { items: Difference[] };

export type Model = Whole<Schemas["ModelChoice"]>;
export type Session = Whole<Schemas["SessionView"]>;
export type DocumentUse = Session["documents"];
export type Message = Whole<Schemas["MessageView"]>;
export type Usage = NonNullable<Message["usage"]>;
export type Citation = Message["citations"][number];
export type Grounding = NonNullable<Message["grounding"]>;
/** `arguments` and `result` are the tool's own. */
export type ToolCall = Omit<Message["tool_calls"][number], "arguments" | "result"> & { arguments: unknown; result: unknown };
/** A run was asked for: `message_id` is the person's message, `reply_id` the one that the run will write. */
export type Accepted = Whole<Schemas["AcceptedMessage"]>;
export type Run = Whole<Schemas["RunView"]>;
export type RunState = Run["state"];
/** What a run waits for, as far as it is known. */
export interface WaitingFor {
  link: string | null;
  target: string | null;
  since: string;
  detail: string | null;
}
export type SearchHit = Whole<Schemas["MessageHit"]>;

export type Setting = Omit<Whole<Schemas["SettingView"]>, "value" | "default"> & { value: unknown; default: unknown };
export type SettingChange = Omit<Whole<Schemas["HistoryPage"]>["items"][number], "value"> & { value: unknown };

/** An event that a consumer group could not handle. */
export type DeadLetter = Whole<Schemas["DeadLetterSummary"]>;
export type DeadLetterDetail = Omit<Whole<Schemas["DeadLetterView"]>, "event"> & { event: Record<string, unknown> };
export type DeadLetterCause = Whole<Schemas["CauseView"]>;
export type Decided = Whole<Schemas["LetterDecided"]>;
export type ReplayPreview = Whole<Schemas["ReplayPreview"]>;
export type Replay = Omit<Whole<Schemas["ReplayView"]>, "error" | "ended_at"> & { error: Failure | null; ended_at: string | null };
export type Consumer = Whole<Schemas["ConsumerView"]>;

export type Health = Whole<Schemas["Health"]>;
export type HealthCheck = Health["checks"][number];

export interface Info {
  version: string;
  mode: string;
  started_at: string;
  python: string;
  platform: string;
}

export type BreakerState = "closed" | "open" | "half_open" | "isolated" | "shadow";

export interface RetryPolicy {
  /** Further attempts. */
  max: number;
  /** Seconds. */
  delay: number;
  backoff: string;
  [option: string]: unknown;
}

export interface BreakerPolicy {
  failures: number;
  /** Seconds. */
  window: number;
  [option: string]: unknown;
}

export interface LinkTarget {
  address: string;
  breaker_state: BreakerState;
  calls: number;
  failures: number;
  next_probe_at: string | null;
  since: string | null;
  /** Why it is in this state, and by whom when by hand. */
  reason?: string;
  by?: string;
  last_error?: LinkError | null;
}

export interface LinkError {
  at: string;
  code: string;
  detail: string;
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
  bulkhead: Record<string, unknown> | null;
  rate_limit: Record<string, unknown> | null;
  cache: Record<string, unknown> | null;
  chaos: Record<string, unknown> | null;
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
  last_error: LinkError | null;
  /** What the row is for, in a sentence. */
  doc?: string | null;
  /** Calls that our own pipeline refused before anything was sent. */
  refused?: number;
  retries?: number;
  targets: LinkTarget[];
  /** What the start-up proofs found on this row, with the reason why it stands. */
  findings?: { rule: string; rows: string[]; detail: string; accepted: string }[];
  /** Addresses that the row itself fixes; without any, roles or settings decide. */
  fixed_targets?: string[];
}

/** Fields of a row that can change while the server runs, by their names in the matrix; null takes a policy away. */
export interface LinkPatch {
  [field: string]: unknown;
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

/** An event as this version reads it. */
export type EventRead = Whole<Schemas["EventRead"]>;

/** A saga as lists show it, and with its steps. */
export type Saga = Whole<Schemas["SagaView"]>;
export type SagaDetail = Whole<Schemas["SagaDetail"]>;
export type SagaStep = SagaDetail["steps"][number];
export type SagaPathStep = SagaDetail["path"][number];

/** A document of the knowledge base, with its state now. */
export type KnowledgeDocument = Whole<Schemas["DocumentView"]>;
export type DocumentText = Whole<Schemas["DocumentText"]>;
export type TextStretch = Whole<Schemas["TextStretch"]>;
/** Places of words in a document. */
export type Occurrences = Whole<Schemas["Occurrences"]>;
export type AcceptedDocument = Whole<Schemas["Accepted"]>;
export type SearchAnswer = Whole<Schemas["SearchAnswer"]>;
export type Took = SearchAnswer["took"];
export type FoundPassage = SearchAnswer["items"][number];
export type SearchQuestion = Pick<Whole<Schemas["Search"]>, "query" | "mode" | "group" | "limit" | "collection" | "rerank">;
export type Collection = Whole<Schemas["CollectionView"]>;
export type CollectionImport = Whole<Schemas["ImportView"]>;
export type Person = Whole<Schemas["PersonView"]>;

/** Questions with what answers them, and what was measured by them. */
export type GradedQuestion = Whole<Schemas["GradedQuestion"]>;
export type QuestionSet = Whole<Schemas["QuestionSetView"]>;
export type QuestionSetSummary = Whole<Schemas["QuestionSetSummary"]>;
export type Measurement = Whole<Schemas["MeasurementSummary"]>;
export type MeasurementDetail = Whole<Schemas["MeasurementView"]>;
export type QuestionResult = MeasurementDetail["questions"][number];
/** A search that was made, and what came of it. */
export type LoggedQuery = Whole<Schemas["LoggedQuery"]>;

/** Providers with their servers and models, workers for inference, and what was used. */
export type ModelOverview = Whole<Schemas["ModelOverview"]>;
export type AcceleratorList = Whole<Schemas["AcceleratorList"]>;
export type ModelUsage = Whole<Schemas["ModelUsage"]>;
export type UsageFigures = ModelUsage["items"][number]["figures"];

/** The processes of an installation, and the rows between their roles. */
export type RoleList = Whole<Schemas["RoleList"]>;
export type RoleInstance = RoleList["items"][number];
export type RoleChild = RoleInstance["children"][number];
export type RoleHop = RoleList["hops"][number];
export type RoleName = RoleHop["caller"];

/** The live connections that are open now, of one's own. */
export type PresenceList = Whole<Schemas["PresenceList"]>;
