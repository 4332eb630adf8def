/** What the server tells of one execution (page.md 4). */
import type { LogLine } from "./log-model";

export interface InputFile {
  name: string;
  uri: string;
  size: number | null;
  md5?: string | null;
  sha1?: string | null;
  sha256?: string | null;
  stand_in?: string | null;
  cached?: boolean | null;
}

export interface Details {
  id: string;
  counter: number;
  project: string;
  project_id: string;
  status: string;
  status_detail: string | null;
  exit_code: number | null;
  error: string | { message?: string; hints?: string[] } | null;
  hints: string[];
  step: string;
  title: string | null;
  tags: string[];
  commit: string | null;
  dirty: boolean | null;
  image: string;
  digest: string | null;
  environment: string | null;
  environment_variables: Record<string, string | null>;
  command: string | string[] | null;
  command_before: string | string[] | null;
  parameters: Record<string, unknown>;
  parameter_defaults: Record<string, unknown> | null;
  inputs: { name: string; files: InputFile[] }[];
  metrics: Record<string, { latest: unknown; min: number | null; max: number | null; count: number }>;
  created: string;
  started: string | null;
  finished: string | null;
  duration: number | null;
  creator: string | null;
  statuses: { status: string; at: string; by?: string | null }[];
  queue: { place: number | null; why: string | null } | null;
  parity: { key: string; level: string; text: string }[];
  reuse: { hit: boolean; key?: string; nearest?: unknown; reasons?: unknown[] } | null;
  log: { lines: number; bytes: number; complete: boolean };
  last_lines: LogLine[];
  commands: Partial<Record<"localhai" | "vh" | "shell" | "rerun", string | null>>;
  task: { id: string; counter: number; name: string } | null;
  pipeline: { id: string; counter: number; name: string; node: string | null } | null;
  outputs_count: number;
  metadata_count: number;
  files: string | null;
  truncated: string[];
}
