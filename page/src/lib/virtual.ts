/** Which rows of fixed height are to be seen, also where all of them would be taller than a browser can scroll. */

/** Firefox ends at 17.9 million pixels, Chromium at 33.5. */
export const TALLEST = 12_000_000;

export interface Seen {
  /** The first row to draw, and the one behind the last. */
  from: number;
  to: number;
  /** Where the first row is drawn, in pixels of the scrolled content. */
  top: number;
  /** How tall the scrolled content is. */
  height: number;
}

/** The rows within the viewport and `spare` more on either side. */
export function seen(scrolled: number, viewport: number, rowHeight: number, count: number, spare = 8): Seen {
  const full = count * rowHeight;
  const height = Math.min(full, TALLEST);
  const first = firstRow(scrolled, viewport, rowHeight, count);
  const from = Math.max(0, Math.floor(first) - spare);
  const to = Math.min(count, Math.ceil(first + viewport / rowHeight) + spare);
  return { from, to, top: scrolled - (first - from) * rowHeight, height };
}

/** The row, with its fraction, at the upper edge. */
export function firstRow(scrolled: number, viewport: number, rowHeight: number, count: number): number {
  const full = count * rowHeight;
  if (full <= TALLEST) return Math.max(0, scrolled) / rowHeight;
  const share = Math.min(1, Math.max(0, scrolled) / Math.max(1, TALLEST - viewport));
  return (share * (full - viewport)) / rowHeight;
}

/** How far to scroll for a row at the upper edge. */
export function offsetOf(row: number, viewport: number, rowHeight: number, count: number): number {
  const full = count * rowHeight;
  if (full <= TALLEST) return Math.max(0, Math.min(row * rowHeight, full - viewport));
  return Math.max(0, Math.min(1, (row * rowHeight) / (full - viewport))) * (TALLEST - viewport);
}
