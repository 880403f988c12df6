/** One test run for the whole repository; the closing line `N passed, N failed` is printed by tools/test.ts. */
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["{mail,server,world}/src/**/*.test.ts", "test/**/*.test.ts"],
    testTimeout: 30_000,
    hookTimeout: 120_000,
    globalSetup: ["test/setup/postgres.ts"],
    pool: "forks",
  },
});
