/** What is selected of a list after a click on a row; with shift, all between the last click and this one. */
export function selected(
  before: ReadonlySet<string>,
  order: readonly string[],
  id: string,
  anchor: string | null,
  shift: boolean,
): ReadonlySet<string> {
  const after = new Set(before);
  const here = order.indexOf(id);
  const there = shift && anchor !== null ? order.indexOf(anchor) : -1;
  if (here >= 0 && there >= 0) {
    for (const each of order.slice(Math.min(here, there), Math.max(here, there) + 1)) after.add(each);
    return after;
  }
  if (!after.delete(id)) after.add(id);
  return after;
}
