/** Lines of a log in the fragment of an address: `#L123` and `#L123-130`. */

export interface Lines {
  from: number;
  to: number;
}

export function linesOf(fragment: string): Lines | null {
  const match = /^#?L(\d{1,12})(?:-L?(\d{1,12}))?$/.exec(fragment);
  if (!match) return null;
  const one = Number(match[1]);
  const other = Number(match[2] ?? match[1]);
  if (one < 1 || other < 1) return null;
  return { from: Math.min(one, other), to: Math.max(one, other) };
}

export function fragmentOf({ from, to }: Lines): string {
  return from === to ? `#L${from}` : `#L${from}-${to}`;
}
