import type { RoleChild, RoleHop, RoleInstance, RoleName } from "@/contracts/api";
import { t } from "@/shared/catalogue";
import { partName } from "@/shared/parts";
import type { Tone } from "@/shared/ui/tone";

/** How a process feels. */
export function toneOf(state: RoleInstance["state"]): Tone {
  switch (state) {
    case "live":
      return "good";
    case "draining":
      return "note";
    case "incompatible":
      return "warn";
    default:
      return "bad";
  }
}

/** A row by its ends as its id names them: `gateway-reports` ends at a part of the backend, beside `gateway-backend`. */
export function hopName({ link, caller, callee }: RoleHop): string {
  const names: Record<string, string> = t.roles.names;
  const end = link.startsWith(`${caller}-`) ? link.slice(caller.length + 1) : callee;
  return `${names[caller]} → ${names[end] ?? partName(end)}`;
}

/** How a row between two roles stands: all pairs meet, some, none, or one of its ends has nobody. */
export function hopTone({ reachable, pairs }: RoleHop): Tone {
  if (pairs === 0) return "idle";
  if (reachable === 0) return "bad";
  return reachable < pairs ? "warn" : "good";
}

export const roleIcons: Readonly<Record<RoleName, string>> = { gateway: "i-lucide-door-open", backend: "i-lucide-database", ai: "i-lucide-sparkles", npu: "i-lucide-cpu" };
/** How a child of a process feels; one that rests is well. */
export const childTone: Readonly<Record<RoleChild["state"], Tone>> = { idle: "idle", starting: "note", ready: "good", failed: "bad" };
