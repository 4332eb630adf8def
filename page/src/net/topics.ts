/** Topics of the stream (page.md 6) and the events that belong to them. Pure. */

/** `table:P:12` without its revision, `log:ID:5` without its line: what one browser needs only once. */
export function baseOf(topic: string): string {
  const [kind = "", id] = topic.split(":");
  return id === undefined ? kind : `${kind}:${id}`;
}

/** To which base an event belongs; null for what belongs to none. */
export function baseOfEvent(event: string, data: Record<string, unknown>): string | null {
  if (event === "projects") return "projects";
  if (event === "table") return `table:${String(data.project)}`;
  if (event === "execution" || event === "log") return `${event}:${String(data.id)}`;
  return event === "gone" ? baseOf(String(data.topic)) : null;
}

/** What to ask of the stream so that it carries what all tabs want; `held` is by base what it carries now. */
export function changes(held: ReadonlyMap<string, string>, wanted: Iterable<string>): { subscribe: string[]; unsubscribe: string[] } {
  const bases = new Map<string, string>();
  for (const topic of wanted) if (!bases.has(baseOf(topic))) bases.set(baseOf(topic), topic);
  return {
    subscribe: [...bases].filter(([base]) => !held.has(base)).map(([, topic]) => topic),
    unsubscribe: [...held].filter(([base]) => !bases.has(base)).map(([, topic]) => topic),
  };
}
