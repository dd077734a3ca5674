// Bundles src/ into the two files that the Python package carries: widget.js and widget.css.
// Usage: node build.mjs [--watch] [folder], by default ../rugged_widget/static; --watch builds again after every change.
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { context } from "esbuild";

const here = fileURLToPath(new URL(".", import.meta.url));
const { values, positionals } = parseArgs({ options: { watch: { type: "boolean" } }, allowPositionals: true });
const outdir = resolve(positionals[0] ?? resolve(here, "../rugged_widget/static"));
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
  logLevel: values.watch ? "info" : "warning",
};
const bundles = await Promise.all([
  context({ ...shared, entryPoints: { widget: "src/widget.ts" }, format: "esm", target: "es2022" }),
  context({ ...shared, entryPoints: { widget: "src/widget.css" } }),
]);
for (const bundle of bundles) {
  await bundle.rebuild();
  await (values.watch ? bundle.watch() : bundle.dispose());
}
