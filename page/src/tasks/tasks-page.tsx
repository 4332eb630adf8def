import { useEffect, useState } from "preact/hooks";
import { duration } from "../lib/format";
import { taskPath } from "../lib/route";
import { asFailure, get, type Failure } from "../net/api";
import { Ago } from "../parts/clock";
import { Command } from "../parts/copy";
import { Status } from "../parts/status";
import { Trouble } from "../parts/trouble";
import { findProject } from "../projects/projects";
import { useTitle } from "../shell/title";
import { ended, type TaskRow } from "./task";
import { useChanges } from "./use-changes";

/** The sweeps of a project. */
export function TasksPage({ project }: { project: string }) {
  const found = findProject(project);
  const id = found?.id ?? project;
  const [tasks, setTasks] = useState<TaskRow[] | null>(null);
  const [failure, setFailure] = useState<Failure | null>(null);
  const changes = useChanges(id);
  useTitle("Tasks");
  const load = () => {
    get<TaskRow[]>(`/page/tasks/?project=${encodeURIComponent(id)}`).then(setTasks, (error) => setFailure(asFailure(error)));
  };
  useEffect(load, [id, changes]);
  return (
    <section class="page">
      <header class="page-head">
        <h1>{found?.name}</h1>
        <span class="crumb">/ tasks</span>
      </header>
      {failure && !tasks && <Trouble failure={failure} again={load} />}
      {tasks && tasks.length === 0 && (
        <div class="empty">
          <h2>No task yet</h2>
          <p>A task runs one step with many sets of parameters. It is described in valohai.yaml, under task:</p>
          <Command text="localhai task run NAME" />
        </div>
      )}
      {tasks && tasks.length > 0 && (
        <div class="panel table-panel">
          <table class="simple">
            <thead>
              <tr>
                <th scope="col" class="right">
                  #
                </th>
                <th scope="col">Status</th>
                <th scope="col">Name</th>
                <th scope="col">Step</th>
                <th scope="col">Type</th>
                <th scope="col" class="right">
                  Executions
                </th>
                <th scope="col" class="right">
                  Duration
                </th>
                <th scope="col" class="right">
                  Created
                </th>
              </tr>
            </thead>
            <tbody>
              {tasks.map((task) => (
                <Row key={task.id} task={task} project={id} />
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

function Row({ task, project }: { task: TaskRow; project: string }) {
  const failed = (task.statuses.error ?? 0) + (task.statuses.crashed ?? 0);
  return (
    <tr>
      <td class="right">{task.counter}</td>
      <td>
        <Status status={task.status} />
      </td>
      <th scope="row">
        <a href={taskPath(project, String(task.counter))}>{task.name}</a>
      </th>
      <td>{task.step}</td>
      <td class="soft">{task.type.replaceAll("_", " ")}</td>
      <td class="right">
        {ended(task)} of {task.count}
        {failed > 0 && <span class="bad"> · {failed} failed</span>}
      </td>
      <td class="right">{duration(task.duration)}</td>
      <td class="right soft">
        <Ago at={task.created} />
      </td>
    </tr>
  );
}
