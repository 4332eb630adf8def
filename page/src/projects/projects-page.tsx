import { executionsPath } from "../lib/route";
import { Ago } from "../parts/clock";
import { Command } from "../parts/copy";
import { Trouble } from "../parts/trouble";
import { useTitle } from "../shell/title";
import { loadProjects, projects, projectsFailure } from "./projects";

/** All projects of this home. */
export function ProjectsPage() {
  useTitle("Projects");
  const all = projects.value;
  return (
    <section class="page">
      <header class="page-head">
        <h1>Projects</h1>
      </header>
      {projectsFailure.value && !all && <Trouble failure={projectsFailure.value} again={() => void loadProjects()} />}
      {all && all.length === 0 && <NoProjects />}
      {all && all.length > 0 && <ProjectList />}
    </section>
  );
}

function ProjectList() {
  return (
    <div class="panel table-panel">
      <table class="simple">
        <thead>
          <tr>
            <th scope="col">Project</th>
            <th scope="col" class="narrow-hide">
              Folder
            </th>
            <th scope="col" class="right">
              Executions
            </th>
            <th scope="col" class="right">
              Last
            </th>
          </tr>
        </thead>
        <tbody>
          {(projects.value ?? []).map((project) => (
            <tr key={project.id}>
              <th scope="row">
                <a href={executionsPath(project.id)}>{project.name}</a>
              </th>
              <td class="narrow-hide mono soft">{project.path}</td>
              <td class="right">
                {project.executions}
                {project.running > 0 && <span class="accent"> · {project.running} running</span>}
              </td>
              <td class="right soft">
                <Ago at={project.last} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function NoProjects() {
  return (
    <div class="empty">
      <h2>Nothing has run here yet</h2>
      <p>A project is a folder with a valohai.yaml; it appears here with its first execution:</p>
      <Command text="localhai lint" />
      <Command text="localhai run STEP" />
    </div>
  );
}
