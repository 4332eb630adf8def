/** Addresses of the page, as `urls.display` of the API names them. */

export const TABS = ["details", "log", "metadata", "outputs"] as const;
export type Tab = (typeof TABS)[number];

export type Route =
  | { page: "projects" }
  | { page: "executions"; project: string }
  | { page: "execution"; project: string; ref: string; tab: Tab }
  | { page: "compare"; project: string }
  | { page: "tasks"; project: string }
  | { page: "task"; project: string; ref: string }
  | { page: "later"; project: string; what: string; command: string }
  | { page: "none" };

const LATER: Record<string, [string, string]> = {
  pipelines: ["Pipelines", "localhai pipeline list"],
  pipeline: ["This pipeline", "localhai pipeline info"],
  data: ["Data", "localhai data list"],
  models: ["Models", "localhai model list"],
  deployments: ["Deployments", "localhai deployment list"],
  deployment: ["This deployment", "localhai deployment info"],
  commits: ["Commits", "localhai execution list"],
  settings: ["Settings", "localhai doctor"],
};

export function routeOf(path: string): Route {
  const parts = path.split("/").filter(Boolean).map(decoded);
  const [first, project, what, ref, tab] = parts;
  if (first === undefined) return { page: "projects" };
  if (first !== "p" || project === undefined) return { page: "none" };
  if (what === undefined || what === "executions") return { page: "executions", project };
  if (what === "compare" || what === "tasks") return { page: what, project };
  if (what === "task" && ref !== undefined) return { page: "task", project, ref };
  if (what === "execution" && ref !== undefined && ref !== "create") {
    const found = TABS.find((each) => each === (tab ?? "details"));
    return found ? { page: "execution", project, ref, tab: found } : { page: "none" };
  }
  const later = LATER[what];
  return later ? { page: "later", project, what: later[0], command: later[1] } : { page: "none" };
}

export function executionsPath(project: string): string {
  return `/p/${encodeURIComponent(project)}/executions/`;
}

export function executionPath(project: string, ref: string, tab: Tab = "details"): string {
  return `/p/${encodeURIComponent(project)}/execution/${encodeURIComponent(ref)}/${tab === "details" ? "" : `${tab}/`}`;
}

export function taskPath(project: string, ref: string): string {
  return `/p/${encodeURIComponent(project)}/task/${encodeURIComponent(ref)}/`;
}

export function comparePath(project: string, refs: readonly (string | number)[]): string {
  return `/p/${encodeURIComponent(project)}/compare/?ids=${refs.map(String).map(encodeURIComponent).join(",")}`;
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
