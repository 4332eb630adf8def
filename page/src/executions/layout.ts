import { arranged, widthOf, type Column } from "../lib/columns";

export const ROW = 34;
export const BOX = 40; // the column of checkboxes

export interface Placed {
  column: Column;
  left: number;
  width: number;
}

export interface Layout {
  pinned: Placed[];
  rest: Placed[];
  pinnedWidth: number;
  width: number;
}

/** Where each column stands. On a narrow screen nothing is pinned but the checkboxes: there is no place left beside. */
export function layoutOf(columns: readonly Column[], viewport: number): Layout {
  let left = BOX;
  const placed = arranged(columns).map((column) => {
    const width = widthOf(column);
    const place = { column, left, width };
    left += width;
    return place;
  });
  const roomy = viewport === 0 || placed.filter((each) => each.column.pinned).reduce((sum, each) => sum + each.width, BOX) < viewport * 0.6;
  const pinned = roomy ? placed.filter((each) => each.column.pinned) : [];
  const last = pinned.at(-1);
  return { pinned, rest: placed.slice(pinned.length), pinnedWidth: last ? last.left + last.width : BOX, width: left };
}

/** The columns that can be seen, with one to spare on either side. */
export function across(rest: readonly Placed[], scrolled: number, viewport: number): [number, number] {
  const from = rest.findIndex((each) => each.left + each.width > scrolled);
  if (from < 0) return [0, rest.length];
  let to = from;
  while (to < rest.length && (rest[to]?.left ?? 0) < scrolled + viewport) to += 1;
  return [Math.max(0, from - 1), Math.min(rest.length, to + 1)];
}
