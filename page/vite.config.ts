import { resolve } from "node:path";
import { defineConfig } from "vite";
import { bundle } from "./tools/bundle.ts";
import { mock } from "./dev/mock.ts";

const out = resolve(import.meta.dirname, "../localhai/server/page/bundle");

export default defineConfig(({ command }) => ({
  appType: "custom" as const,
  base: command === "build" ? "/page/assets/" : "/",
  plugins: command === "build" ? [bundle(out)] : [mock()],
  build: {
    outDir: out,
    emptyOutDir: true,
    assetsDir: "",
    target: "es2022",
    cssCodeSplit: false, // one style sheet: nothing is restyled when a chunk arrives
    modulePreload: false,
    reportCompressedSize: false,
    rolldownOptions: {
      input: resolve(import.meta.dirname, "src/main.tsx"),
      output: {
        entryFileNames: "[name].[hash].js",
        chunkFileNames: "[name].[hash].js",
        assetFileNames: "[name].[hash][extname]",
      },
    },
  },
  test: { include: ["tests/**/*.test.ts"] },
}));
