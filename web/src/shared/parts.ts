import { t } from "@/shared/catalogue";

/** What people call a part of the matrix; one of an operator's own keeps its name. */
export function partName(part: string): string {
  const known: Record<string, string> = t.communication.parts;
  return known[part] ?? part;
}
