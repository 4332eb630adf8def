import { useState } from "preact/hooks";
import { asFailure, post } from "../net/api";
import { note } from "../parts/notes";
import { Tags, tagsOf } from "../parts/tags";
import type { Details } from "./details";

/** The tags of an execution, changed where they stand. */
export function TagEditor({ details }: { details: Details }) {
  const [text, setText] = useState<string | null>(null);
  const save = async (event: Event) => {
    event.preventDefault();
    const tags = tagsOf(text ?? "");
    setText(null);
    try {
      await post(`/page/executions/${details.id}/tags/`, { tags });
    } catch (error) {
      note(asFailure(error).message, "bad");
    }
  };
  if (text !== null) {
    return (
      <form class="tag-form" onSubmit={(event) => void save(event)}>
        <input
          class="field small"
          aria-label="Tags, parted by commas"
          placeholder="best, nightly"
          value={text}
          ref={(input) => input?.focus()}
          onInput={(event) => setText(event.currentTarget.value)}
          onKeyDown={(event) => event.key === "Escape" && setText(null)}
        />
        <button type="submit" class="button small">
          Save
        </button>
      </form>
    );
  }
  return (
    <span class="tag-row">
      <Tags tags={details.tags} />
      <button type="button" class="text-button" onClick={() => setText(details.tags.join(", "))}>
        {details.tags.length > 0 ? "Edit tags" : "Add a tag"}
      </button>
    </span>
  );
}
