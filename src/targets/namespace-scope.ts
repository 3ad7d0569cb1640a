// Which namespaces a request may be about, as the configuration has them. Never makes more of a list than was configured.
import type { AccessPolicy, Refusal } from "./access-policy.ts";
import { MalformedRequestError } from "./malformed-request-error.ts";
import type { PodStore } from "../discovery/pod-store.ts";
import type { Namespaces } from "./namespace.ts";

/** Anybody can make names up, and each costs the API server a list, and a place among those that are watched. */
const maxMadeUp = 10;
/** As many are watched on demand. */
const maxOnDemand = 100;

export interface NamespaceScopeOptions {
  /** Known from the start: namespaces, or `*` for all. Empty: each becomes known when somebody asks for it. */
  readonly known: Namespaces;
  /** NAMESPACE_WHITELIST. Empty: no restriction. */
  readonly whitelist: readonly string[];
  readonly policy: Pick<AccessPolicy, "checkNamespace">;
}

export class NamespaceScope {
  readonly #options: NamespaceScopeOptions;

  constructor(options: NamespaceScopeOptions) {
    this.#options = options;
  }

  /**
   * The namespaces asked for, each of which must be allowed; `*` needs a configuration in which all are known. Throws
   * MalformedRequestError for more of them than one request may have watched on demand.
   */
  resolve(asked: Namespaces): { readonly namespaces: Namespaces } | Refusal {
    if (asked === "*") {
      if (this.#options.known === "*") return { namespaces: this.#configured() };
      return { refused: "namespace", text: 'Cannot select namespace "*": WATCH_NAMESPACES is not "*"' };
    }
    if (
      asked.length > maxMadeUp &&
      this.#options.known.length === 0 &&
      this.#options.whitelist.length === 0
    ) {
      throw new MalformedRequestError(
        "namespace",
        `Cannot select ${asked.length} namespaces: at most ${maxMadeUp} are taken up at once, unless WATCH_NAMESPACES or NAMESPACE_WHITELIST names them`,
        { limit: "request_namespaces" },
      );
    }
    for (const namespace of asked) {
      const refusal = this.#options.policy.checkNamespace(namespace);
      if (refusal !== undefined) return refusal;
    }
    return { namespaces: asked };
  }

  /** What a request means that names none. Throws MalformedRequestError when none is configured. */
  all(): Namespaces {
    const namespaces = this.#configured();
    const { known } = this.#options;
    if (known.length === 0 && namespaces.length > maxOnDemand) {
      throw new MalformedRequestError(
        "namespace",
        `Cannot list the ${namespaces.length} namespaces of NAMESPACE_WHITELIST: at most ${maxOnDemand} are watched that WATCH_NAMESPACES does not name`,
      );
    }
    if (namespaces.length > 0) return namespaces;
    throw new MalformedRequestError(
      "namespace",
      'Cannot tell which namespaces: the parameter "namespace" is missing, and WATCH_NAMESPACES and NAMESPACE_WHITELIST ' +
        "leave none",
    );
  }

  #configured(): Namespaces {
    const { known, whitelist, policy } = this.#options;
    if (whitelist.length > 0) return whitelist.filter((name) => policy.checkNamespace(name) === undefined);
    return known;
  }
}

/** The names behind the namespaces: of all that have pods, those that may be scraped. */
export function allowedNamespaces(
  namespaces: Namespaces,
  { pods, policy }: { pods: Pick<PodStore, "namespaces">; policy: Pick<AccessPolicy, "checkNamespace"> },
): readonly string[] {
  if (namespaces !== "*") return namespaces;
  return pods.namespaces().filter((name) => policy.checkNamespace(name) === undefined);
}
