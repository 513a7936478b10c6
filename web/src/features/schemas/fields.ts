import type { SchemaSummary } from "@/contracts/api";
import { t } from "@/shared/catalogue";

type Json = Record<string, unknown>;

export interface Field {
  /** Names from the root, joined by dots. */
  readonly path: string;
  readonly kind: string;
  readonly required: boolean;
  readonly text: string;
}

const DEPTH_MAX = 4;
const isObject = (value: unknown): value is Json => typeof value === "object" && value !== null && !Array.isArray(value);
const listed = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);

/** Follows references inside the schema; what leads outside or in a circle is taken as it stands. */
function resolved(schema: unknown, root: Json, hops = 0): Json {
  if (!isObject(schema)) return {};
  const reference = schema["$ref"];
  if (typeof reference !== "string" || !reference.startsWith("#/") || hops > 8) return schema;
  let found: unknown = root;
  for (const step of reference.slice(2).split("/")) found = isObject(found) ? found[step.replaceAll("~1", "/").replaceAll("~0", "~")] : undefined;
  return { ...resolved(found, root, hops + 1), ...Object.fromEntries(Object.entries(schema).filter(([word]) => word !== "$ref")) };
}

/** What a schema allows, in a few words. */
export function kindOf(schema: unknown, root: Json, depth = 0): string {
  const plain = resolved(schema, root);
  const words = t.schemas.kinds;
  if ("const" in plain) return JSON.stringify(plain["const"]);
  if (Array.isArray(plain["enum"])) return plain["enum"].map((value) => JSON.stringify(value)).join(", ");
  const parts = [...listed(plain["anyOf"]), ...listed(plain["oneOf"])];
  if (parts.length > 0 && depth < DEPTH_MAX) return [...new Set(parts.map((part) => kindOf(part, root, depth + 1)))].join(` ${words.or} `);
  const types = listed(plain["type"]).length > 0 ? listed(plain["type"]) : [plain["type"]];
  const named = types.map((type) => {
    if (type === "array") return isObject(plain["items"]) && depth < DEPTH_MAX ? words.listOf(kindOf(plain["items"], root, depth + 1)) : words.list;
    if (type === "string" && typeof plain["format"] === "string") return plain["format"];
    return typeof type === "string" ? (words.types[type] ?? type) : words.any;
  });
  return named.join(` ${words.or} `);
}

/** The members of messages, those of inner objects below their own. */
export function fieldsOf(schema: unknown): Field[] {
  const root = isObject(schema) ? schema : {};
  return membersOf(root, root, "", 0);
}

function membersOf(schema: unknown, root: Json, before: string, depth: number): Field[] {
  const plain = resolved(schema, root);
  const required = new Set(listed(plain["required"]));
  const properties = isObject(plain["properties"]) ? plain["properties"] : {};
  return Object.entries(properties).flatMap(([name, value]) => {
    const member = resolved(value, root);
    const path = `${before}${name}`;
    const field = { path, kind: kindOf(member, root), required: required.has(name), text: typeof member["description"] === "string" ? member["description"] : "" };
    return [field, ...(depth < DEPTH_MAX ? inner(member, root, path, depth) : [])];
  });
}

/** Members of an object, of the object in a list, or of the one object among alternatives. */
function inner(member: Json, root: Json, path: string, depth: number): Field[] {
  const candidates = [member, ...listed(member["anyOf"]), ...listed(member["oneOf"])].map((part) => resolved(part, root));
  const objects = candidates.filter((part) => isObject(part["properties"]));
  if (objects.length === 1) return membersOf(objects[0], root, `${path}.`, depth + 1);
  const items = candidates.map((part) => resolved(part["items"], root)).filter((part) => isObject(part["properties"]));
  return items.length === 1 ? membersOf(items[0], root, `${path}[].`, depth + 1) : [];
}

/** The types whose name or description has all words that were typed. */
export function matching(types: readonly SchemaSummary[], typed: string): SchemaSummary[] {
  const words = typed.toLowerCase().split(/\s+/).filter(Boolean);
  return types.filter(({ type, description }) => words.every((word) => `${type} ${description}`.toLowerCase().includes(word)));
}
