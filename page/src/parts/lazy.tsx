import type { ComponentType, VNode } from "preact";
import { useEffect, useState } from "preact/hooks";
import { asFailure, Failure } from "../net/api";
import { Trouble } from "./trouble";

/** A component whose code is fetched when it is first shown. */
export function lazy<P extends object>(load: () => Promise<ComponentType<P>>): (props: P) => VNode | null {
  let loaded: ComponentType<P> | null = null;
  return function Lazy(props: P) {
    const [failure, fail] = useState<Failure | null>(null);
    const [, arrived] = useState(loaded !== null);
    useEffect(() => {
      if (loaded) return;
      load().then(
        (component) => {
          loaded = component;
          arrived(true);
        },
        (error) => fail(new Failure(0, "a part of this page is not there", [asFailure(error).message, "reload the page: the server may have been updated"])),
      );
    }, []);
    if (failure) return <Trouble failure={failure} />;
    const Component = loaded as ComponentType<object> | null;
    return Component ? <Component {...props} /> : null;
  };
}
