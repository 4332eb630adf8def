import { size } from "../lib/format";
import { Trouble } from "../parts/trouble";
import { MOST_TEXT, useText } from "./bytes";
import type { Output } from "./output";

/** A text as it is. */
export function TextPreview({ output }: { output: Output }) {
  const { text, failure, cut } = useText(output);
  if (failure) return <Trouble failure={failure} />;
  if (text === null) return null;
  return (
    <>
      {cut && <Cut output={output} />}
      <pre class="preview-text" tabIndex={0}>
        {text}
      </pre>
    </>
  );
}

export function Cut({ output }: { output: Output }) {
  return (
    <p class="soft">
      The first {size(MOST_TEXT)} of {size(output.size)}: download it to see the rest.
    </p>
  );
}
