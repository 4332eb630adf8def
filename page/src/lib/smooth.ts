/**
 * The exponential moving average of values, debiased as Adam does it: a constant stays that constant from the first
 * value on. `weight` is from 0 (none) to below 1; null is a gap and changes nothing.
 */
export function smoothed(values: readonly (number | null)[], weight: number): (number | null)[] {
  if (weight <= 0) return [...values];
  const kept = Math.min(weight, 0.999);
  let sum = 0;
  let share = 0;
  return values.map((value) => {
    if (value == null || !Number.isFinite(value)) return null;
    sum = kept * sum + (1 - kept) * value;
    share = kept * share + (1 - kept);
    return sum / share;
  });
}
