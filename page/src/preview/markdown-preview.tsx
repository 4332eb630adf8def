import DOMPurify from "dompurify";
import { marked } from "marked";
import { useEffect, useRef } from "preact/hooks";
import { Trouble } from "../parts/trouble";
import { useText } from "./bytes";
import type { Output } from "./output";
import { Cut } from "./text-preview";

/** Markdown, made clean of all that acts, asks for other servers or looks like a part of this page. */
export function MarkdownPreview({ output }: { output: Output }) {
  const root = useRef<HTMLDivElement>(null);
  const { text, failure, cut } = useText(output);
  useEffect(() => {
    if (text !== null) root.current?.replaceChildren(clean(text));
  }, [text]);
  if (failure) return <Trouble failure={failure} />;
  return (
    <>
      {cut && <Cut output={output} />}
      <div class="preview-markdown" ref={root} />
    </>
  );
}

function clean(text: string): DocumentFragment {
  const fragment = DOMPurify.sanitize(marked.parse(text, { async: false, gfm: true }), {
    USE_PROFILES: { html: true },
    FORBID_TAGS: ["style", "form", "input", "button", "select", "textarea", "dialog", "audio", "video", "source", "picture"],
    FORBID_ATTR: ["style", "class", "id", "name", "srcset", "background", "tabindex"],
    ALLOWED_URI_REGEXP: /^(?:https?:|mailto:|data:image\/(?:png|jpeg|gif|webp);)/i,
    ALLOW_DATA_ATTR: false,
    RETURN_DOM_FRAGMENT: true,
  });
  for (const image of fragment.querySelectorAll("img")) {
    if (!image.src.startsWith("data:image/")) image.replaceWith(image.alt ? `[image: ${image.alt}]` : "[image]");
  }
  for (const link of fragment.querySelectorAll("a")) {
    link.target = "_blank";
    link.rel = "noopener noreferrer nofollow";
  }
  return fragment;
}
