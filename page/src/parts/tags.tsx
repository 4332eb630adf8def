export function Tags({ tags }: { tags: readonly string[] }) {
  return (
    <>
      {tags.map((tag) => (
        <span key={tag} class="tag">
          {tag}
        </span>
      ))}
    </>
  );
}

/** Tags out of what somebody typed: parted by commas, each once. */
export function tagsOf(text: string): string[] {
  return [...new Set(text.split(",").map((each) => each.trim()).filter(Boolean))];
}
