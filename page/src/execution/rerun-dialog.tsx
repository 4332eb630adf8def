import { useState } from "preact/hooks";
import { changes, written } from "../lib/given";
import { executionPath } from "../lib/route";
import { asFailure, post, type Failure } from "../net/api";
import { tagsOf } from "../parts/tags";
import { Dialog } from "../parts/dialog";
import { Trouble } from "../parts/trouble";
import { go } from "../shell/router";
import type { Details } from "./details";

/** The same execution again, with values changed: what is another is marked, and only that is sent. */
export function RerunDialog({ details, onClose }: { details: Details; onClose: () => void }) {
  const names = Object.keys(details.parameters);
  const cut = new Set(details.truncated);
  const [fields, setFields] = useState<ReadonlyMap<string, string | boolean>>(
    () => new Map(names.filter((name) => !cut.has(`parameters.${name}`)).map((name) => [name, initial(details.parameters[name])])),
  );
  const [title, setTitle] = useState(details.title ?? "");
  const [tags, setTags] = useState(details.tags.join(", "));
  const [failure, setFailure] = useState<Failure | null>(null);
  const [busy, setBusy] = useState(false);
  const { values, problems } = changes(details.parameters, fields);
  const submit = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    try {
      const made = await post<{ id: string; counter: number }>(`/page/executions/${details.id}/rerun/`, { parameters: values, title, tags: tagsOf(tags) });
      onClose();
      if (made) go(executionPath(details.project_id, String(made.counter)));
    } catch (error) {
      setFailure(asFailure(error));
      setBusy(false);
    }
  };
  return (
    <Dialog title={`Run #${details.counter} ${details.step} again`} onClose={onClose}>
      <form onSubmit={(event) => void submit(event)}>
        <p class="soft">The same code, image and inputs.</p>
        <div class="form-fields">
          {names.map((name) => (
            <Field key={name} name={name} field={fields.get(name)} problem={problems.get(name)} changed={name in values} before={details.parameters[name]} onChange={(field) => setFields(new Map(fields).set(name, field))} />
          ))}
          <label for="rerun-title">Title</label>
          <input id="rerun-title" class="field" value={title} onInput={(event) => setTitle(event.currentTarget.value)} />
          <label for="rerun-tags">Tags</label>
          <input id="rerun-tags" class="field" value={tags} onInput={(event) => setTags(event.currentTarget.value)} />
        </div>
        {failure && <Trouble failure={failure} />}
        <div class="dialog-buttons">
          <button type="button" class="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class="button main" disabled={busy || problems.size > 0}>
            Run
          </button>
        </div>
      </form>
    </Dialog>
  );
}

interface FieldProps {
  name: string;
  field: string | boolean | undefined;
  problem: string | undefined;
  changed: boolean;
  before: unknown;
  onChange: (field: string | boolean) => void;
}

function Field({ name, field, problem, changed, before, onChange }: FieldProps) {
  const id = `rerun-${name}`;
  return (
    <>
      <label for={id} class={changed ? "changed" : undefined}>
        {name}
      </label>
      <div>
        {field === undefined && <span class="soft">stays as it is: too long for this form</span>}
        {typeof field === "boolean" && <input id={id} type="checkbox" checked={field} onChange={(event) => onChange(event.currentTarget.checked)} />}
        {typeof field === "string" && (
          <input
            id={id}
            class={changed ? "field mono is-changed" : "field mono"}
            inputMode={typeof before === "number" ? "decimal" : undefined}
            spellcheck={false}
            autocomplete="off"
            aria-invalid={problem ? true : undefined}
            value={field}
            onInput={(event) => onChange(event.currentTarget.value)}
          />
        )}
        {problem && <span class="bad">{problem}</span>}
        {changed && <span class="soft"> was {written(before)}</span>}
      </div>
    </>
  );
}

function initial(given: unknown): string | boolean {
  return typeof given === "boolean" ? given : written(given);
}
