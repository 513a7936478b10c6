const layer = (n) => `^src/${n}/`;

module.exports = {
  forbidden: [
    {
      name: "features-are-strangers",
      comment: "what two features need belongs in shared",
      severity: "error",
      from: { path: "^src/features/([^/]+)/" },
      to: { path: "^src/features/", pathNot: "^src/features/$1/" },
    },
    {
      name: "shared-knows-no-feature",
      severity: "error",
      from: { path: layer("shared") },
      to: { path: "^src/(features|app)/" },
    },
    {
      name: "features-do-not-know-the-shell",
      comment: "the shell loads features; the other way round would be a cycle in waiting",
      severity: "error",
      from: { path: layer("features") },
      to: { path: layer("app") },
    },
    {
      name: "contracts-import-nothing",
      severity: "error",
      from: { path: layer("contracts") },
      to: { path: "^src/(?!contracts/)" },
    },
    {
      name: "state-is-pure",
      severity: "error",
      from: { path: "\\.state\\.ts$" },
      to: { path: "^src/shared/|\\.api\\.ts$|node_modules" },
    },
    {
      name: "only-shared-touches-the-wire",
      severity: "error",
      from: { pathNot: layer("shared") },
      to: { path: "node_modules/(axios|ky|openapi-fetch)/" },
    },
    { name: "no-cycles", severity: "error", from: {}, to: { circular: true } },
    { name: "nothing-unresolved", severity: "error", from: {}, to: { couldNotResolve: true, pathNot: "^(virtual:|#build)" } },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    doNotFollow: { path: "node_modules" },
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["import", "browser", "default", "types"], extensions: [".ts", ".vue", ".js", ".mjs", ".css", ".d.ts"] },
  },
};
