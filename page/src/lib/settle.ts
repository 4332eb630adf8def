/**
 * What a list shows after its content changed while somebody reads it. Who is at the top gets the new order; who has
 * scrolled keeps the rows where they are, without those that are gone, and is told how many are new.
 */
export function settled(shown: readonly string[], wanted: readonly string[], held: boolean): { ids: readonly string[]; fresh: number } {
  if (!held || shown.length === 0) return { ids: wanted, fresh: 0 };
  const there = new Set(wanted);
  const before = new Set(shown);
  const ids = shown.filter((id) => there.has(id));
  return { ids: ids.length === shown.length ? shown : ids, fresh: wanted.reduce((sum, id) => sum + (before.has(id) ? 0 : 1), 0) };
}
