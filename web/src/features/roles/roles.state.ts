import type { RoleInstance, RoleName } from "@/contracts/api";

/** In the order in which calls go; the backend, which two of the others call, stands between them. */
export const LANES: readonly RoleName[] = ["gateway", "backend", "ai", "npu"];

export interface Lane {
  readonly role: RoleName;
  readonly instances: readonly RoleInstance[];
}

/** One lane a role, each with its processes; a role that nobody holds keeps its lane, so that the gap is seen. */
export const lanesOf = (instances: readonly RoleInstance[]): Lane[] => LANES.map((role) => ({ role, instances: instances.filter(({ roles }) => roles.includes(role)) }));

/** What is left of a lease as a share between 0 and 1; null where there is none. */
export function leaseShare({ lease_seconds: whole, lease_left_seconds: left }: RoleInstance): number | null {
  if (whole === null || left === null || whole <= 0) return null;
  return Math.min(1, Math.max(0, left / whole));
}

/** Whether a person may send a process no new calls: only one that gets some. */
export const canDrain = (mode: "embedded" | "scaled", { state }: RoleInstance): boolean => mode === "scaled" && (state === "live" || state === "incompatible");
