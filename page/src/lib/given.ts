/** Values of parameters as somebody writes them into a field, and back. Pure. */

/** How a value is written. */
export function written(given: unknown): string {
  if (given === null || given === undefined) return "";
  return typeof given === "string" ? given : JSON.stringify(given);
}

/** The value that a text means where one like `like` stood; `problem` says why it means none. */
export function read(text: string, like: unknown): { value: unknown } | { problem: string } {
  if (typeof like === "number") {
    const value = Number(text);
    return text.trim() === "" || !Number.isFinite(value) ? { problem: "a number is needed" } : { value };
  }
  if (typeof like === "object" && like !== null) {
    try {
      const value: unknown = JSON.parse(text);
      return Array.isArray(value) === Array.isArray(like) ? { value } : { problem: "a list is needed, as [1, 2]" };
    } catch {
      return { problem: "a list is needed, as [1, 2]" };
    }
  }
  return { value: text };
}

/** What differs from before, by name, and what is wrong; only what differs is sent. */
export function changes(before: Record<string, unknown>, fields: ReadonlyMap<string, string | boolean>): { values: Record<string, unknown>; problems: Map<string, string> } {
  const values: Record<string, unknown> = {};
  const problems = new Map<string, string>();
  for (const [name, field] of fields) {
    const like = before[name];
    if (typeof field === "boolean") {
      if (field !== like) values[name] = field;
      continue;
    }
    if (field === written(like)) continue;
    const found = read(field, like);
    if ("problem" in found) problems.set(name, found.problem);
    else values[name] = found.value;
  }
  return { values, problems };
}
