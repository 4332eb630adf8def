import DOMPurify from "dompurify";

const IMAGE = /^data:image\/(?:png|jpeg|gif|webp);/i;

/** HTML that somebody wrote, without all that acts, asks for other servers or looks like a part of this page. */
export function clean(html: string): DocumentFragment {
  const fragment = DOMPurify.sanitize(html, {
    USE_PROFILES: { html: true },
    FORBID_TAGS: ["style", "form", "input", "button", "select", "textarea", "dialog", "audio", "video", "source", "picture"],
    FORBID_ATTR: ["style", "class", "id", "name", "srcset", "background", "tabindex"],
    ALLOWED_URI_REGEXP: /^(?:https?:|mailto:|data:image\/(?:png|jpeg|gif|webp);)/i,
    ALLOW_DATA_ATTR: false,
    RETURN_DOM_FRAGMENT: true,
  });
  for (const image of fragment.querySelectorAll("img")) {
    if (!IMAGE.test(image.getAttribute("src") ?? "")) image.replaceWith(image.alt ? `[image: ${image.alt}]` : "[image]");
  }
  for (const link of fragment.querySelectorAll("a")) {
    link.target = "_blank";
    link.rel = "noopener noreferrer nofollow";
  }
  return fragment;
}
