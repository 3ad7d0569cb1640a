import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "unit",
          include: ["src/**/*.test.ts", "test/*.test.ts"],
          testTimeout: 10_000,
        },
      },
      {
        test: {
          name: "e2e",
          include: ["test/e2e/**/*.test.ts"],
          setupFiles: ["test/support/check-every-answer.ts", "test/support/check-every-connection.ts"],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          // Two cores and real servers: one file after the other keeps deadlines meaningful.
          fileParallelism: false,
        },
      },
    ],
  },
});
