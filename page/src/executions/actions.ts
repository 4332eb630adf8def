/** What can be done to executions, with words about what came of it. */
import { plural } from "../lib/format";
import { asFailure, post } from "../net/api";
import { note } from "../parts/notes";

interface Outcome {
  done: string[];
  refused: { id: string; message: string }[];
}

export async function stopAll(ids: readonly string[]): Promise<void> {
  await act("/page/executions/stop/", { ids }, "stopping");
}

export async function deleteAll(ids: readonly string[], outputs: boolean): Promise<void> {
  await act("/page/executions/delete/", { ids, outputs }, "deleted");
}

export async function tagAll(ids: readonly string[], add: readonly string[], remove: readonly string[]): Promise<void> {
  await act("/page/executions/tags/", { ids, add, remove }, "tagged");
}

async function act(path: string, body: unknown, done: string): Promise<void> {
  try {
    const outcome = await post<Outcome>(path, body);
    if (outcome && outcome.done.length > 0) note(`${plural(outcome.done.length, "execution")} ${done}`);
    const [first] = outcome?.refused ?? [];
    if (first) note(`${plural(outcome?.refused.length ?? 0, "execution")} not: ${first.message}`, "bad");
  } catch (error) {
    note(asFailure(error).message, "bad");
  }
}
