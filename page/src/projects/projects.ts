/** The projects of this home, live. */
import { computed, signal } from "@preact/signals";
import { asFailure, get, type Failure } from "../net/api";
import { token } from "../net/session";
import { follow } from "../net/stream";

export interface Project {
  id: string;
  name: string;
  path: string | null;
  executions: number;
  running: number;
  last: string | null;
}

export const projects = signal<Project[] | null>(null);
export const projectsFailure = signal<Failure | null>(null);

let begun = false;

/** Asks once; the stream tells the rest. */
export function wantProjects(): void {
  if (begun) return;
  begun = true;
  follow({ base: "projects", topic: () => "projects", on: (event, data) => void (event === "projects" && take(data)) });
  token.subscribe((given) => {
    projects.value = null;
    if (given) void loadProjects();
  });
}

export async function loadProjects(): Promise<void> {
  try {
    take(await get<Project[]>("/page/projects/"));
  } catch (error) {
    projectsFailure.value = asFailure(error);
  }
}

/** By id, or by name where only one has it: the address may hold either. */
export function findProject(reference: string): Project | undefined {
  const all = projects.value ?? [];
  return all.find((each) => each.id === reference) ?? all.find((each) => each.name === reference);
}

export const running = computed(() => (projects.value ?? []).reduce((sum, each) => sum + each.running, 0));

function take(data: unknown): void {
  const list = Array.isArray(data) ? data : (data as { projects?: unknown }).projects;
  if (!Array.isArray(list)) return;
  projects.value = list as Project[];
  projectsFailure.value = null;
}
