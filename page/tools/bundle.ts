import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Plugin, Rollup } from "vite";
import { licences } from "./licences.ts";
import { hashOfSources, sha256 } from "./sources.ts";

interface File {
  size: number;
  sha256: string;
}

/** Writes, beside the chunks, what the server and the tests need: a manifest, and the licences of the bundled parts. */
export function bundle(out: string): Plugin {
  let entry = "";
  let first: string[] = [];
  return {
    name: "localhai-bundle",
    generateBundle(_options, output) {
      const chunks = Object.values(output).filter((part): part is Rollup.OutputChunk => part.type === "chunk");
      const main = chunks.find((chunk) => chunk.isEntry);
      if (!main) throw new Error("the bundle has no entry");
      entry = main.fileName;
      first = withImports(main.fileName, new Map(chunks.map((chunk) => [chunk.fileName, chunk.imports])));
    },
    closeBundle() {
      mkdirSync(out, { recursive: true });
      const names = readdirSync(out).filter((name) => /\.(js|css)$/.test(name)).sort();
      const files: Record<string, File> = {};
      for (const name of names) {
        const bytes = readFileSync(join(out, name));
        files[name] = { size: bytes.length, sha256: sha256(bytes) };
      }
      const css = names.filter((name) => name.endsWith(".css"));
      const sources = hashOfSources(process.cwd());
      const version = sha256(Buffer.from(names.join("\n"))).slice(0, 12);
      const manifest = { version, entry, css, first: [...first, ...css], files, sources };
      writeFileSync(join(out, "manifest.json"), `${JSON.stringify(manifest, null, 2)}\n`);
      writeFileSync(join(out, "LICENSES.txt"), licences(process.cwd()));
    },
  };
}

/** A chunk and all that it cannot begin without. */
function withImports(name: string, imports: ReadonlyMap<string, string[]>): string[] {
  const found = new Set([name]);
  for (const each of found) for (const next of imports.get(each) ?? []) found.add(next);
  return [...found];
}
