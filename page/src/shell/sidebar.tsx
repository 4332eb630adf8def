import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { executionsPath } from "../lib/route";
import { logOut, user } from "../net/session";
import { link } from "../net/stream";
import { findProject, projects, running, wantProjects } from "../projects/projects";
import { help } from "./help";
import { path, route } from "./router";
import { theme, turnTheme } from "./theme";

const open = signal(false);
const LINKS = { live: "live", connecting: "connecting", lost: "not reached" } as const;
const MOST = 12; // of projects, below those of the page

/** Where one is and can go: the project's pages, the other projects, how the page looks. */
export function Sidebar() {
  useEffect(wantProjects, []);
  useEffect(() => void (open.value = false), [path.value]);
  return (
    <nav class={open.value ? "side side-open" : "side"} aria-label="localhai">
      <div class="side-head">
        <a class="brand" href="/">
          localhai
        </a>
        <span class="side-state">
          this machine · <span class={`link-${link.value}`}>{LINKS[link.value]}</span>
        </span>
        <button type="button" class="button small side-toggle" aria-expanded={open.value} onClick={() => (open.value = !open.value)}>
          Menu
        </button>
      </div>
      <div class="side-body">
        <Places />
        <div class="side-foot">
          <button type="button" class="side-item" onClick={turnTheme}>
            <span>Appearance</span>
            <span class="count">{theme.value}</span>
          </button>
          <button type="button" class="side-item" onClick={() => (help.value = true)}>
            <span>Keys</span>
            <span class="count">?</span>
          </button>
          <button type="button" class="side-item" onClick={() => void logOut()}>
            <span>Log out</span>
            <span class="count">{user.value?.username}</span>
          </button>
        </div>
      </div>
    </nav>
  );
}

function Places() {
  const at = route.value;
  const here = "project" in at ? findProject(at.project) : undefined;
  const others = (projects.value ?? []).filter((project) => project !== here).slice(0, MOST);
  return (
    <>
      {here && (
        <div class="side-group">
          <div class="side-title">{here.name}</div>
          <Item href={executionsPath(here.id)} label="Executions" count={here.executions} running={here.running} current={at.page === "executions" || at.page === "execution" || at.page === "compare"} />
          <Item href={`/p/${encodeURIComponent(here.id)}/tasks/`} label="Tasks" current={at.page === "tasks" || at.page === "task"} />
        </div>
      )}
      <div class="side-group">
        <Item href="/" label={here ? "All projects" : "Projects"} count={projects.value?.length} running={here ? 0 : running.value} current={at.page === "projects"} />
        {others.map((project) => (
          <Item key={project.id} href={executionsPath(project.id)} label={project.name} count={project.executions} running={project.running} nested />
        ))}
      </div>
    </>
  );
}

interface ItemProps {
  href: string;
  label: string;
  count?: number | undefined;
  running?: number;
  current?: boolean;
  nested?: boolean;
}

function Item({ href, label, count, running: active, current, nested }: ItemProps) {
  return (
    <a class={nested ? "side-item side-nested" : "side-item"} href={href} aria-current={current ? "page" : undefined}>
      <span class="cut">{label}</span>
      <span class="count">{active ? `${active} running` : count}</span>
    </a>
  );
}
