/* The web client's layers: app > features > shared > contracts; checked by `make check`, which also asserts that files were read. */
const folder = (name) => `^src/${name}/`;
const forbid = (name, comment, from, to) => ({ name, comment, severity: "error", from, to });

module.exports = {
  forbidden: [
    forbid("features-are-strangers", "Features meet in contracts and shared, never in one another.",
      { path: "^src/features/([^/]+)/" }, { path: "^src/features/", pathNot: "^src/features/$1/" }),
    forbid("shared-knows-no-feature", "Move what shared needs into shared, or pass it in.",
      { path: folder("shared") }, { path: "^src/(features|app)/" }),
    forbid("features-know-no-app", "The app wires features; a feature receives what it needs.",
      { path: folder("features") }, { path: folder("app") }),
    forbid("contracts-import-nothing", "Contracts are generated types and plain data.",
      { path: folder("contracts") }, { path: "^src/(?!contracts/)" }),
    forbid("state-is-pure", "A *.state.ts is a function of state and event: no wire, no library.",
      { path: "\\.state\\.ts$" }, { path: "^src/shared/|\\.api\\.ts$|node_modules" }),
    forbid("only-shared-touches-the-wire", "Call through src/shared/http or src/shared/realtime.",
      { pathNot: folder("shared") }, { path: "node_modules/(axios|ky|openapi-fetch)/" }),
    forbid("no-cycles", "Two files that need one another are one idea or three.", {}, { circular: true }),
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    doNotFollow: { path: "node_modules" },
    enhancedResolveOptions: { extensions: [".ts", ".tsx", ".vue", ".mjs", ".js", ".json", ".css"] },
  },
};
