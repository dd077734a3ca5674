import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    environment: "happy-dom",
    include: ["test/**/*.test.ts"],
    // One worker: starting more costs longer than these tests take.
    fileParallelism: false,
    isolate: false,
  },
});
