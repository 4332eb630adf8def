import { useEffect, useState } from "preact/hooks";
import { link, server } from "../net/stream";

const PATIENCE = 1500; // a restart that is over before anybody asks is not told

/** That the server is away, or is another one than this page was made for. */
export function Banner() {
  const [first, setFirst] = useState(server.value);
  const [late, setLate] = useState(false);
  const away = link.value === "lost";
  useEffect(() => {
    if (!first && server.value) setFirst(server.value);
  }, [server.value]);
  useEffect(() => {
    const timer = setTimeout(() => setLate(away), away ? PATIENCE : 0);
    return () => clearTimeout(timer);
  }, [away]);
  const anew = first && server.value && first.bundle !== server.value.bundle;
  if (anew) {
    return (
      <div class="banner" role="status">
        <span>
          localhai was restarted and is now version {server.value?.version}; this page is of {first.version}.
        </span>
        <button type="button" class="button small" onClick={() => location.reload()}>
          Reload
        </button>
      </div>
    );
  }
  if (!late || !away) return null;
  return (
    <div class="banner" role="status">
      <span>localhai does not answer: what you see is from before. This page goes on by itself once it is back.</span>
    </div>
  );
}
