/** Models on the screen: what they did, what that cost, and over which days. Pure. */
import type { AcceleratorList, ModelOverview, ModelUsage, UsageFigures } from "@/contracts/api";

export const BYS = ["model", "user", "key", "day"] as const satisfies readonly ModelUsage["by"][];
export type By = (typeof BYS)[number];
export const DAYS = [1, 7, 30, 90] as const;

export interface Span {
  readonly from: string;
  readonly to: string;
}
const DAY_MS = 86_400_000;
const dayOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10);
/** The last `days` days in UTC, today included. */
export const lastDays = (days: number, now: number): Span => ({ from: dayOf(now - (days - 1) * DAY_MS), to: dayOf(now) });

/** What an address asks for; as usual where it asks for nothing that there is. */
export const askedOf = (query: Readonly<Record<string, unknown>>): { by: By; days: number } => ({ by: BYS.find((one) => one === query["by"]) ?? "model", days: DAYS.find((one) => String(one) === query["days"]) ?? 30 });

/** The share of a whole, null where there is no whole. */
export const shareOf = (part: number, whole: number): number | null => (whole > 0 ? part / whole : null);

/** Money with as many places as it takes to say something: `12.30 EUR`, `0.0042 EUR`. */
export function money(value: number, currency: string): string {
  if (value === 0) return `0 ${currency}`;
  return `${value >= 1 ? value.toFixed(2) : value >= 0.0001 ? value.toFixed(4) : "<0.0001"} ${currency}`;
}

export const tokensOf = (figures: UsageFigures): number => figures.prompt_tokens + figures.completion_tokens;

type Provider = ModelOverview["providers"][number];
/** Whether somebody set a provider up: it has a server, or a model that is more than its name. */
export const isConnected = ({ servers, models }: Provider): boolean => servers.length > 0 || models.some(({ choice }) => choice.state !== "absent");
/** Whether a language model answers there. The assistant is none, and an accelerator embeds only. */
export const speaks = ({ provider, models }: Provider): boolean => !["assistant", "npu"].includes(provider) && models.some(({ choice }) => choice.state === "ready" && choice.generates);

/** Where a server is, for people: of a socket of this machine, only that. */
export const isHere = (address: string): boolean => address === "local" || address.startsWith("unix:");

type Server = ModelOverview["providers"][number]["servers"][number];
export type ServerState = "well" | "failing" | "aside" | "paused" | "isolated" | "unreachable" | "unknown";
/** How a server stands, its worst trouble first. */
export function standingOf({ breaker, ejected_until: ejected, paused_until: paused, reachable, calls }: Server): ServerState {
  if (breaker === "isolated") return "isolated";
  if (breaker === "open" || breaker === "half_open") return "failing";
  if (ejected !== null) return "aside";
  if (paused !== null) return "paused";
  if (reachable === false) return "unreachable";
  return reachable === true || calls > 0 ? "well" : "unknown";
}

export type Accelerator = AcceleratorList["items"][number];

/** Tokens a second by model, as a picture draws them: none is nought. */
export const tracedOf = ({ providers }: ModelOverview): Record<string, number> => Object.fromEntries(providers.flatMap(({ models }) => models.map(({ choice, tokens_per_second: pace }) => [choice.id, pace ?? 0])));
/** Pace and queue of each worker; by `queue TARGET` and `pace TARGET`. */
export const loadsOf = ({ items }: AcceleratorList): Record<string, number> =>
  Object.fromEntries(items.flatMap(({ target, report }) => [[`pace ${target}`, report?.load.texts_per_second ?? 0], [`queue ${target}`, report?.load.waiting ?? 0]]));
