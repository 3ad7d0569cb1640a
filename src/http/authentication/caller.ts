// Who asks, and what he may see. Routes know no other thing of a caller: not how he was recognised, and no credential.
import type { Namespaces } from "../../targets/namespace.ts";

export interface Caller {
  /** For the log: what the API server calls him, or undefined where callers have no names. */
  readonly name: string | undefined;
  /** He may see everything that the configuration allows: nothing has to be asked. */
  readonly seesAll: boolean;
  /** Of these namespaces those that he may see; of `*` the whole or nothing. Rejects with HttpError 503 when it cannot be told. */
  visible(namespaces: Namespaces): Promise<Namespaces>;
}

/** Whoever may see everything that the configuration allows. */
export const unrestrictedCaller: Caller = {
  name: undefined,
  seesAll: true,
  visible: (namespaces) => Promise.resolve(namespaces),
};

/** Whoever is not known yet. */
export const stranger: Caller = {
  name: undefined,
  seesAll: false,
  visible: () => Promise.resolve([]),
};

/** Whether he may see all of them. */
export async function mayGet(caller: Caller, namespaces: Namespaces): Promise<boolean> {
  if (caller.seesAll) return true;
  const visible = await caller.visible(namespaces);
  return visible === "*" || (namespaces !== "*" && visible.length === namespaces.length);
}
