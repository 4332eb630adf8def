/** Round numbers along an axis, about so many of them. */
export function ticks(from: number, to: number, about: number): number[] {
  if (!(to > from)) return [from];
  const raw = (to - from) / Math.max(1, about);
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = power * ([1, 2, 5, 10].find((each) => each * power >= raw) ?? 10);
  const found: number[] = [];
  for (let index = Math.ceil(from / step); index * step <= to + step * 1e-9; index += 1) found.push(Number((index * step).toPrecision(12)));
  return found;
}
