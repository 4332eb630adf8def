/** Made-up data in the shapes of docs/design/page.md, the same at each start. */

const COUNT = 10_000;
const STATUSES = ["complete", "complete", "complete", "error", "stopped"];
const BEGIN = Date.parse("2026-11-01T10:00:00Z");

function at(counter: number): string {
  return new Date(BEGIN + counter * 240_000).toISOString();
}

function statusOf(counter: number): string {
  if (counter > COUNT - 1) return "queued";
  return counter > COUNT - 3 ? "started" : (STATUSES[(counter * 7) % STATUSES.length] ?? "complete");
}

export function projects() {
  return [
    { id: "p1", name: "example", path: "/home/you/example", executions: COUNT, running: 2, last: at(COUNT) },
    { id: "p2", name: "other", path: "/home/you/other", executions: 0, running: 0, last: null },
  ];
}

export function table() {
  const counters = Array.from({ length: COUNT }, (_each, index) => index + 1);
  const each = <T>(make: (counter: number) => T): T[] => counters.map(make);
  const metric = (make: (counter: number) => number) => ({ latest: each(make), min: each((n) => make(n) * 0.8), max: each((n) => make(n) * 1.1) });
  return {
    project: "p1",
    revision: "1",
    whole: true,
    count: COUNT,
    rows: COUNT,
    removed: [],
    columns: {
      id: each((n) => `id-${n}`),
      counter: counters,
      status: each(statusOf),
      step: each((n) => (n % 9 === 0 ? "preprocess" : "train")),
      title: each((n) => (n % 50 === 0 ? "a longer title" : null)),
      created: each(at),
      started: each(at),
      finished: each((n) => (n > COUNT - 3 ? null : at(n))),
      duration: each((n) => (n > COUNT - 3 ? null : (n % 90) + 0.7)),
      creator: each(() => "you"),
      commit: each(() => "~8d3b1548cb25"),
      image: each(() => "python:3.11-slim"),
      environment: each(() => null),
      tags: each((n) => (n % 20 === 0 ? ["best"] : [])),
      exit_code: each((n) => (statusOf(n) === "error" ? 1 : 0)),
      error: each((n) => (statusOf(n) === "error" ? "the command ended with exit code 1" : null)),
      task: each(() => null),
      pipeline: each(() => null),
      outputs: each((n) => n % 3),
    },
    parameters: { "learning-rate": each((n) => [0.3, 0.2, 0.5, 0.05][n % 4]), l2: each((n) => (n % 2 ? 0 : 0.0001)), epochs: each(() => 8) },
    metrics: { accuracy: metric((n) => 0.8 + (n % 137) / 1000), loss: metric((n) => 0.2 + (n % 91) / 200) },
    left_out: { parameters: 0, metrics: 0 },
  };
}

export function details(ref: string) {
  const counter = Number(ref.replace("id-", ""));
  const status = statusOf(counter);
  return {
    id: `id-${counter}`, counter, project: "example", project_id: "p1", status, status_detail: null, exit_code: status === "error" ? 1 : 0,
    error: status === "error" ? "the command ended with exit code 1" : null, hints: [], step: "train", title: null, tags: ["best"],
    commit: "~8d3b1548cb25", dirty: true, image: "python:3.11-slim", digest: "sha256:0fb129c7", environment: null,
    environment_variables: { LOG_LEVEL: "info", TOKEN: null }, command: "python train.py --epochs=8", command_before: "python train.py {parameters}",
    parameters: { epochs: 8, "learning-rate": 0.2 }, parameter_defaults: { epochs: 8, "learning-rate": 0.5 },
    inputs: [{ name: "train-set", files: [{ name: "train.csv", uri: "file:///train.csv", size: 705_700, sha256: "ab".repeat(32) }] }],
    metrics: { accuracy: { latest: 0.92, min: 0.5, max: 0.93, count: 8 } }, created: at(counter), started: at(counter), finished: at(counter),
    duration: 0.7, creator: "you", statuses: [{ status: "queued", at: at(counter) }, { status: "started", at: at(counter) }], queue: null,
    parity: [{ key: "environment", level: "ignored", text: "here it ran on this machine" }], reuse: null, log: { lines: 1_000_000, bytes: 88_000_000, complete: true },
    last_lines: [], commands: { localhai: "localhai run train", vh: "vh execution run train", shell: "localhai shell 1", rerun: "localhai rerun 1" },
    task: null, pipeline: null, outputs_count: 0, metadata_count: 8, files: null, truncated: [],
  };
}

export function log(line: number, count: number) {
  const total = 1_000_000;
  const from = line < 0 ? total + line + 1 : line;
  const lines = Array.from({ length: Math.min(count, total - from + 1) }, (_each, index) => {
    const n = from + index;
    const text = n % 11 === 0 ? "\x1b[33mwarning\x1b[0m: the seed of numpy.random is global" : `{"epoch": ${n}, "loss": ${(1 / n).toFixed(6)}}`;
    return { n, stream: n % 11 === 0 ? "stderr" : "stdout", at: at(n), text };
  });
  return { from, lines, total, complete: true };
}

export function outputs() {
  return [];
}

/** Curves that rise and settle, with a gap; one of them is longer than it is drawn. */
export function series(ids: string[], keys: string[]) {
  const points = 300;
  const x = Array.from({ length: points }, (_each, index) => index + 1);
  return {
    series: ids.flatMap((id, place) =>
      keys.map((y) => {
        const last = x.map((at) => (at % 97 === 0 ? null : 1 - Math.exp(-at / (30 + 20 * place)) + 0.03 * Math.sin(at * 7 + place)));
        const around = (by: number) => last.map((value) => (value === null ? null : value + by));
        return { id, y, x, last, min: around(-0.05), max: around(0.05), total: place === 0 ? 1_000_000 : points, shown: points };
      }),
    ),
  };
}

export function metadata() {
  const one = (latest: number) => ({ latest, min: 0, max: latest, count: 300, numeric: true });
  return { events: 300, keys: { epoch: one(300), accuracy: one(0.93), loss: one(0.4), note: { latest: "a text", min: null, max: null, count: 1, numeric: false } } };
}

export function compare(ids: string[]) {
  const row = (group: string, name: string, values: unknown[]) => ({ group, name, values, differs: new Set(values.map((each) => JSON.stringify(each))).size > 1 });
  return {
    executions: ids.map((id) => ({ id, counter: Number(id.replace("id-", "")), project: "p1", step: "train", status: "complete" })),
    rows: [
      row("facts", "image", ids.map(() => "python:3.11-slim")),
      row("facts", "commit", ids.map((_id, index) => `~8d3b154${index % 2}`)),
      row("parameters", "learning-rate", ids.map((_id, index) => [0.2, 0.2, 0.5][index % 3])),
      row("parameters", "l2", ids.map((_id, index) => [0, 0.0001, 0][index % 3])),
      row("parameters", "epochs", ids.map(() => 8)),
      row("metrics", "accuracy", ids.map((_id, index) => [0.9244, 0.9244, 0.92][index % 3])),
      row("metrics", "loss", ids.map((_id, index) => [0.3782, 0.3794, 0.3016][index % 3])),
      row("inputs", "train-set", ids.map(() => ({ "train.csv": "ab".repeat(32) }))),
    ],
  };
}
