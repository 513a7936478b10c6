/**
 * Checks the import rules, and that the checker read the sources at all: it reports success over
 * zero modules when it cannot parse TypeScript.
 */
import { execFileSync } from "node:child_process";
import { readdirSync } from "node:fs";

const source = /\.(ts|vue)$/;
const expected = readdirSync("src", { recursive: true }).filter((name) => source.test(String(name))).length;

let output: string;
try {
  output = execFileSync(
    process.execPath,
    ["node_modules/dependency-cruiser/bin/dependency-cruiser.mjs", "--config", ".dependency-cruiser.cjs", "--output-type", "json", "src"],
    { encoding: "utf8", maxBuffer: 64 * 1024 * 1024 },
  );
} catch (error) {
  output = (error as { stdout?: string }).stdout ?? "";
  if (!output) throw error;
}

interface Report {
  modules: { source: string }[];
  summary: { violations: { from: string; to: string; rule: { name: string; severity: string } }[] };
}
const report = JSON.parse(output) as Report;
const read = report.modules.filter((module) => module.source.startsWith("src/") && source.test(module.source)).length;

for (const { from, to, rule } of report.summary.violations) console.error(`${rule.severity} ${rule.name}: ${from} → ${to}`);
if (read < expected) {
  console.error(`only ${read} of ${expected} modules were read: the import rules were not checked`);
  process.exit(1);
}
if (report.summary.violations.some(({ rule }) => rule.severity === "error")) process.exit(1);
console.log(`import rules hold in ${read} modules`);
