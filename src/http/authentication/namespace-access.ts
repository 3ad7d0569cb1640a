// Which namespaces a caller may see, of those that a request is about. Never makes a part of what was asked for: a list without
// the pods of some namespaces would pass for the whole.
import type { Namespaces } from "../../targets/namespace.ts";
import { HttpError } from "../http-error.ts";
import { type Caller } from "./caller.ts";

/** Throws HttpError 403 unless the caller may see all of them (`*`: the whole cluster), and 503 when it cannot be told. */
export async function requireNamespaces(caller: Caller, namespaces: Namespaces): Promise<void> {
  if (caller.seesAll) return;
  const visible = await caller.visible(namespaces);
  if (visible === "*") return;
  if (namespaces === "*")
    throw notPermitted('Cannot scrape namespace "*": the caller has no permission in the whole cluster');
  const missing = namespaces.find((namespace) => !visible.includes(namespace));
  if (missing !== undefined) {
    throw notPermitted(`Cannot scrape namespace "${missing}": the caller has no permission there`);
  }
}

/** Namespaces that are looked through for what a caller may see, when his request names none. */
const maxLookedThrough = 500;

/**
 * Of the namespaces that are configured those that the caller may see: at least one, else throws HttpError 403. `known` gives the names
 * behind `*`, for a caller who may not see the whole cluster.
 */
export async function visibleNamespaces(
  caller: Caller,
  configured: Namespaces,
  { known }: { known: () => Promise<readonly string[]> },
): Promise<Namespaces> {
  if (caller.seesAll) return configured;
  let visible = await caller.visible(configured);
  if (configured === "*" && visible !== "*") {
    const names = await known();
    if (names.length > maxLookedThrough) {
      throw notPermitted(
        'Cannot tell which namespaces: the parameter "namespace" is missing, and the caller has no permission in the whole cluster',
      );
    }
    visible = await caller.visible(names);
  }
  if (visible.length > 0) return visible;
  throw notPermitted("Cannot list targets: the caller has no permission in any namespace that is configured");
}

function notPermitted(text: string): HttpError {
  return new HttpError(403, `${text} (KUBERNETES_AUTH_RESOURCE)`, { authenticationFailure: "not_permitted" });
}
