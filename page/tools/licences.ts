import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";

interface Package {
  version: string;
  license: string;
  dependencies?: Record<string, string>;
}

/** The licence of each package that the bundle may hold parts of: the dependencies and theirs, sorted by name. */
export function licences(root: string): string {
  const found = new Map<string, string>();
  const visit = (name: string): void => {
    if (found.has(name)) return;
    const folder = join(root, "node_modules", name);
    const about = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Package;
    const file = readdirSync(folder).find((each) => /^licen[cs]e/i.test(each));
    if (!file) throw new Error(`${name} has no licence file`);
    found.set(name, `${name} ${about.version} (${about.license})\n\n${readFileSync(join(folder, file), "utf8").trim()}\n`);
    Object.keys(about.dependencies ?? {}).forEach(visit);
  };
  const about = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as Package;
  Object.keys(about.dependencies ?? {}).forEach(visit);
  const names = [...found.keys()].sort();
  return names.map((name) => found.get(name)).join(`\n${"-".repeat(80)}\n\n`);
}
