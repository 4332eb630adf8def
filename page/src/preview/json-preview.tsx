import { Trouble } from "../parts/trouble";
import { useText } from "./bytes";
import type { Output } from "./output";
import { Cut } from "./text-preview";

/** JSON laid out; what is none, or is cut, as it is. */
export function JsonPreview({ output }: { output: Output }) {
  const { text, failure, cut } = useText(output);
  if (failure) return <Trouble failure={failure} />;
  if (text === null) return null;
  return (
    <>
      {cut && <Cut output={output} />}
      <pre class="preview-text" tabIndex={0}>
        {cut ? text : laidOut(text)}
      </pre>
    </>
  );
}

function laidOut(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
