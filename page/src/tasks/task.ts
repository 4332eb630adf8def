/** Tasks as the server tells them (page.md 7.4), and what a page makes of one. Pure. */
import { direction, type Direction } from "../lib/better";

export interface TaskRow {
  id: string;
  counter: number;
  status: string;
  name: string;
  step: string;
  type: string;
  created: string;
  finished: string | null;
  duration: number | null;
  count: number;
  statuses: Record<string, number>;
}

export interface Child {
  number: number;
  id: string;
  counter: number;
  status: string;
  duration: number | null;
  parameters: Record<string, unknown>;
  metadata: Record<string, unknown>;
}

export interface Task extends TaskRow {
  project: string;
  project_id: string;
  error: string | null;
  plan: { target: string | { metric?: string; name?: string } | null } | null;
  executions: Child[];
}

const DONE = ["complete", "error", "stopped", "crashed"];

/** How many of its executions have ended. */
export function ended(task: TaskRow): number {
  return DONE.reduce((sum, status) => sum + (task.statuses[status] ?? 0), 0);
}

/** Keys whose values are numbers in some child. */
export function metricsOf(children: readonly Child[]): string[] {
  const found = new Set<string>();
  for (const child of children) for (const [key, given] of Object.entries(child.metadata)) if (typeof given === "number") found.add(key);
  return [...found];
}

/** Parameters that are not the same in all children: those that were swept. */
export function sweptOf(children: readonly Child[]): string[] {
  const names = [...new Set(children.flatMap((child) => Object.keys(child.parameters)))];
  return names.filter((name) => new Set(children.map((child) => JSON.stringify(child.parameters[name] ?? null))).size > 1);
}

/** By what children are judged before somebody chooses: the target, else the first score, else the first loss. */
export function judged(metrics: readonly string[], target: string | null): string | null {
  if (target !== null && metrics.includes(target)) return target;
  return metrics.find((key) => direction(key) === "more") ?? metrics.find((key) => direction(key) === "less") ?? null;
}

/** The place of the best child; null where no child has the number. */
export function bestOf(children: readonly Child[], metric: string | null, way: Direction): number | null {
  let found: number | null = null;
  let top = 0;
  children.forEach((child, index) => {
    const given = metric === null ? null : child.metadata[metric];
    if (typeof given !== "number") return;
    if (found === null || (way === "less" ? given < top : given > top)) [found, top] = [index, given];
  });
  return found;
}
