// Builds px.js of src/: node build.mjs [FILE], by default the one that the package ships.
import { build } from "esbuild";
import { fileURLToPath } from "node:url";

const here = new URL(".", import.meta.url);

await build({
  absWorkingDir: fileURLToPath(here),
  entryPoints: ["src/px.ts"],
  outfile: process.argv[2] ?? fileURLToPath(new URL("../pages/px.js", here)),
  bundle: true,
  minify: true,
  format: "iife",
  target: "es2018",
  charset: "ascii",
  legalComments: "none",
  banner: { js: "/*! Heliograph, Apache-2.0 */" },
  logLevel: "warning",
});
