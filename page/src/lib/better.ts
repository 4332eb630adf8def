/** Which way a metric is better, where its name tells: losses and errors shrink, scores grow; of all else nothing is said. */
const SHRINKS = /(^|[^a-z])(loss|error|err|mae|mse|rmse|mape|perplexity|nll|wer|cer|fid|latency)([^a-z]|$)/i;
const GROWS = /(^|[^a-z])(acc|accuracy|f1|auc|auroc|score|precision|recall|r2|iou|miou|map|bleu|rouge|reward|return|dice|psnr|ssim|throughput)([^a-z]|$)/i;

export type Direction = "less" | "more" | null;

export function direction(name: string): Direction {
  const words = name.replace(/([a-z])([A-Z])/g, "$1_$2");
  return SHRINKS.test(words) ? "less" : GROWS.test(words) ? "more" : null;
}

/** The places of the best among values; none where nobody knows, all are the same or fewer than two are numbers. */
export function best(way: Direction, values: readonly unknown[]): number[] {
  const numbers = values.filter((value): value is number => typeof value === "number");
  const top = way === "less" ? Math.min(...numbers) : Math.max(...numbers);
  if (way === null || numbers.length < 2 || numbers.every((value) => value === top)) return [];
  return values.flatMap((value, index) => (value === top ? [index] : []));
}
