/** The import rules of docs/architecture.md as dependency-cruiser reads them. test/house/imports.test.ts proves they are not blind. */
const effects = "\\.(store|http|job|smtp|ses|dns|db|files|process|worker)\\.ts$";
const tests = "\\.test\\.ts$|^test/|/testing/";
const rim = "^server/src/(main|cli)\\.ts$|^server/src/cli/";
const drivers =
  "^(pg|kysely|fastify|smtp-server|graphile-worker|pino)$|node_modules/(pg|kysely|fastify|smtp-server|graphile-worker)/";
const sockets =
  "^(node:)?(net|tls|http|https|http2|dns|dns/promises|dgram|fs|fs/promises|child_process|worker_threads|timers|timers/promises)$";

export default {
  forbidden: [
    { name: "no-cycles", severity: "error", from: {}, to: { circular: true } },
    {
      name: "mail-imports-nothing-of-ours",
      severity: "error",
      from: { path: "^mail/", pathNot: tests },
      to: { path: "^(server|world|web|test|tools)/" },
    },
    {
      name: "world-imports-mail-only",
      severity: "error",
      from: { path: "^world/", pathNot: tests },
      to: { path: "^(server|web|test|tools)/" },
    },
    {
      name: "outbound-never-imports-inbound",
      severity: "error",
      from: { path: "^server/src/outbound/", pathNot: tests },
      to: { path: "^server/src/inbound/" },
    },
    {
      name: "inbound-never-imports-outbound",
      severity: "error",
      from: { path: "^server/src/inbound/", pathNot: tests },
      to: { path: "^server/src/outbound/" },
    },
    {
      name: "outcome-knows-no-journey",
      severity: "error",
      from: { path: "^server/src/outcome/", pathNot: tests },
      to: { path: "^server/src/(outbound|inbound|inbox|reports|readiness)/" },
    },
    {
      name: "plain-files-are-pure",
      severity: "error",
      from: { path: "^(mail|server)/src/.*\\.ts$", pathNot: `${effects}|${tests}|${rim}` },
      to: { path: `${effects}|${drivers}`, dependencyTypesNot: ["type-only"] },
    },
    {
      name: "plain-files-open-no-socket",
      severity: "error",
      from: { path: "^(mail|server)/src/.*\\.ts$", pathNot: `${effects}|${tests}|${rim}` },
      to: { path: sockets, dependencyTypesNot: ["type-only"] },
    },
    {
      name: "only-the-rim-imports-world",
      severity: "error",
      from: { path: "^server/src/", pathNot: `${tests}|${rim}` },
      to: { path: "^world/" },
    },
    {
      name: "nobody-imports-the-rim",
      severity: "error",
      from: { path: "^(mail|server|world)/src/", pathNot: `${tests}|${rim}` },
      to: { path: rim },
    },
    {
      name: "no-test-code-in-the-product",
      severity: "error",
      from: { path: "^(mail|server|world)/src/", pathNot: tests },
      to: { path: tests },
    },
  ],
  options: {
    parser: "swc",
    tsPreCompilationDeps: true,
    doNotFollow: { path: "node_modules" },
    exclude: { path: "node_modules/.*/node_modules" },
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["import", "node", "default"] },
  },
};
