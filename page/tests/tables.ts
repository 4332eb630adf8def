import { Table, type TableAnswer } from "../src/lib/table";

/** Four executions: enough to part by step, status, tags, a sparse parameter and a metric. */
export function smallAnswer(): TableAnswer {
  return {
    revision: "r1",
    whole: true,
    count: 4,
    rows: 4,
    removed: [],
    columns: {
      id: ["a", "b", "c", "d"],
      counter: [1, 2, 3, 4],
      status: ["complete", "error", "started", "stopped"],
      step: ["train", "train", "train", "preprocess"],
      title: ["two words", null, null, null],
      tags: [["best"], ["nightly"], [], []],
      created: ["2026-11-28T10:00:00Z", "2026-11-28T11:00:00Z", "2026-11-29T11:00:00Z", "2026-11-29T11:30:00Z"],
      started: ["2026-11-28T10:00:00Z", "2026-11-28T11:00:00Z", "2026-11-29T11:00:00Z", null],
      finished: ["2026-11-28T10:00:05Z", "2026-11-28T11:01:20Z", null, "2026-11-29T11:30:00Z"],
      duration: [5, 80, null, null],
      error: [null, "out of memory", null, null],
    },
    parameters: { lr: [0.01, 0.001, 0.5, null], "a b": { rows: [1], values: [2] } },
    metrics: {
      accuracy: { latest: [0.95, 0.5, null, null], min: [0.4, 0.1, null, null], max: { rows: [0, 1], values: [0.96, 0.6] } },
    },
    left_out: { parameters: 0, metrics: 0 },
  };
}

export function smallTable(): Table {
  const table = new Table();
  table.merge(smallAnswer());
  return table;
}
