/** What an error card shows, from whatever went wrong. */
import { t } from "@/shared/catalogue";
import { ApiError, readProblem } from "@/shared/http";

export interface FailureView {
  title: string;
  detail: string;
  hint: string | null;
  code: string | null;
  correlationId: string | null;
  retryAfterSeconds: number | null;
  errors: { detail: string; pointer: string }[];
}

interface StoredFailure {
  code: string;
  detail: string;
  correlation_id?: string | null;
  hint?: string | null;
  title?: string | null;
}

const isStored = (value: unknown): value is StoredFailure =>
  typeof value === "object" && value !== null && typeof (value as StoredFailure).code === "string" && typeof (value as StoredFailure).detail === "string";

/** The next step that goes with a code, for when the server names none. */
function hintOf(code: string | null): string | null {
  const known: Record<string, string> = t.problems.hints;
  return (code !== null && known[code]) || null;
}

/** What happened, where the server speaks to programs. */
function detailOf(code: string | null): string | null {
  const known: Record<string, string> = t.problems.details;
  return (code !== null && known[code]) || null;
}

/** A title for a code that the server gave, or for the way in which no answer came. */
function titleOf(code: string | null, fallback: string): string {
  const known: Record<string, string> = t.problems.titles;
  return (code !== null && known[code]) || fallback;
}

export function failureOf(error: unknown): FailureView {
  if (error instanceof ApiError) return fromApiError(error);
  const problem = readProblem(error);
  if (problem !== null) return fromApiError(new ApiError("problem", problem.detail ?? problem.title, { problem }));
  if (isStored(error)) {
    return {
      title: error.title ?? titleOf(error.code, t.problems.unknown),
      detail: error.detail,
      hint: error.hint ?? hintOf(error.code),
      code: error.code,
      correlationId: error.correlation_id ?? null,
      retryAfterSeconds: null,
      errors: [],
    };
  }
  return {
    title: t.problems.unknown,
    detail: error instanceof Error ? error.message : t.problems.unknownDetail,
    hint: null,
    code: null,
    correlationId: null,
    retryAfterSeconds: null,
    errors: [],
  };
}

function fromApiError(error: ApiError): FailureView {
  const { problem } = error;
  const own = error.kind === "problem" ? null : t.problems.kinds[error.kind];
  return {
    title: own?.title ?? titleOf(error.code ?? null, problem?.title ?? t.problems.unknown),
    detail: own?.detail ?? detailOf(error.code ?? null) ?? problem?.detail ?? problem?.title ?? error.message,
    hint: problem?.hint ?? own?.hint ?? hintOf(error.code ?? null),
    code: error.code ?? null,
    correlationId: error.correlationId ?? null,
    retryAfterSeconds: error.retryAfterSeconds ?? null,
    errors: problem?.errors ?? [],
  };
}
