// Bundles the page's script. Usage: node build.mjs outfile
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const entry = fileURLToPath(new URL("renderer.js", import.meta.url));
await build({ bundle: true, entryPoints: [entry], format: "esm", logLevel: "warning", outfile: process.argv[2] });
