import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { expect, it } from "vitest";

it("every icon that the sources name is in the collection that the build copies from", () => {
  const lucide = createRequire(import.meta.url)("@iconify-json/lucide/icons.json") as { icons: Record<string, unknown>; aliases: Record<string, unknown> };
  const named = new Set<string>();
  for (const file of readdirSync("src", { recursive: true })) {
    if (!/\.(vue|ts)$/.test(String(file))) continue;
    for (const [, name] of readFileSync(`src/${String(file)}`, "utf8").matchAll(/i-lucide-([a-z0-9-]+)/g)) if (name) named.add(name);
  }
  expect(named.size).toBeGreaterThan(40);
  expect([...named].filter((name) => !(name in lucide.icons) && !(name in lucide.aliases))).toEqual([]);
});
