import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    environment: "happy-dom",
    include: ["test/**/*.test.ts"],
    // One worker: starting more costs longer than these tests take.
    fileParallelism: false,
    // Long enough for a machine that is busy with other work: what decides is what a test asserts.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    isolate: false,
  },
});
