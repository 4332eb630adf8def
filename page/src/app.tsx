import { asked, token } from "./net/session";
import { lazy } from "./parts/lazy";
import { Notes } from "./parts/notes";
import { Later, Nowhere } from "./shell/elsewhere";
import { Help } from "./shell/help";
import { Login } from "./shell/login";
import { Banner } from "./shell/banner";
import { route } from "./shell/router";
import { Sidebar } from "./shell/sidebar";

const Projects = lazy(async () => (await import("./projects/projects-page")).ProjectsPage);
const Executions = lazy(async () => (await import("./executions/executions-page")).ExecutionsPage);
const Execution = lazy(async () => (await import("./execution/execution-page")).ExecutionPage);
const Compare = lazy(async () => (await import("./compare/compare-page")).ComparePage);
const Tasks = lazy(async () => (await import("./tasks/tasks-page")).TasksPage);
const Task = lazy(async () => (await import("./tasks/task-page")).TaskPage);

export function App() {
  if (!asked.value) return null;
  if (!token.value) return <Login />;
  return (
    <div class="frame">
      <a class="skip" href="#main">
        To the content
      </a>
      <Sidebar />
      <main id="main" tabIndex={-1}>
        <Banner />
        <Page />
      </main>
      <Notes />
      <Help />
    </div>
  );
}

function Page() {
  const at = route.value;
  switch (at.page) {
    case "projects":
      return <Projects />;
    case "executions":
      return <Executions key={at.project} project={at.project} />;
    case "execution":
      return <Execution key={`${at.project}/${at.ref}`} project={at.project} reference={at.ref} tab={at.tab} />;
    case "compare":
      return <Compare key={at.project} project={at.project} />;
    case "tasks":
      return <Tasks key={at.project} project={at.project} />;
    case "task":
      return <Task key={`${at.project}/${at.ref}`} project={at.project} reference={at.ref} />;
    case "later":
      return <Later what={at.what} command={at.command} />;
    default:
      return <Nowhere />;
  }
}
