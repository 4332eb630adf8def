import { createHash } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";

/** What the bundle is made of, relative to `page/`; folders are taken whole. */
export const SOURCES = [".npmrc", "package-lock.json", "package.json", "src", "tools", "tsconfig.json", "vite.config.ts"];

/**
 * One hash of all sources: SHA-256 of lines `PATH SHA256\n`, sorted by path with `/` between its parts. A test in
 * Python computes the same and so needs no npm to see that the committed bundle belongs to these sources.
 */
export function hashOfSources(root: string): string {
  const lines = SOURCES.flatMap((name) => files(root, name)).sort(byCodePoint);
  const all = createHash("sha256");
  for (const path of lines) all.update(`${path} ${sha256(readFileSync(join(root, path)))}\n`);
  return all.digest("hex");
}

export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function files(root: string, path: string): string[] {
  try {
    return readdirSync(join(root, path)).flatMap((name) => files(root, `${path}/${name}`));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOTDIR") return [path];
    throw error;
  }
}

function byCodePoint(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
