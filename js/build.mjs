// Bundles src/ into the two files that the Python package carries: widget.js and widget.css.
// Usage: node build.mjs [folder], by default ../rugged_widget/static
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = fileURLToPath(new URL(".", import.meta.url));
const outdir = resolve(process.argv[2] ?? resolve(here, "../rugged_widget/static"));
const { version } = JSON.parse(await readFile(resolve(here, "package.json"), "utf8"));
const banner = `/*! rugged_widget ${version} */`; // the first line of both files, which tests compare

const shared = {
  absWorkingDir: here,
  outdir,
  bundle: true,
  minify: true,
  charset: "utf8",
  legalComments: "none",
  banner: { js: banner, css: banner },
  logLevel: "warning",
};
await build({ ...shared, entryPoints: { widget: "src/widget.ts" }, format: "esm", target: "es2022" });
await build({ ...shared, entryPoints: { widget: "src/widget.css" } });
