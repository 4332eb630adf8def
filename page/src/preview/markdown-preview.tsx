import { marked } from "marked";
import { useEffect, useRef } from "preact/hooks";
import { Trouble } from "../parts/trouble";
import { useText } from "./bytes";
import { clean } from "./clean";
import type { Output } from "./output";
import { Cut } from "./text-preview";

/** Markdown, laid out. */
export function MarkdownPreview({ output }: { output: Output }) {
  const root = useRef<HTMLDivElement>(null);
  const { text, failure, cut } = useText(output);
  useEffect(() => {
    if (text !== null) root.current?.replaceChildren(clean(marked.parse(text, { async: false, gfm: true })));
  }, [text]);
  if (failure) return <Trouble failure={failure} />;
  return (
    <>
      {cut && <Cut output={output} />}
      <div class="preview-markdown" ref={root} />
    </>
  );
}
