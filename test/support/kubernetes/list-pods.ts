// Answers to `list` and `get`: pages of one consistent snapshot, and which states an API server refuses to show. Reads the
// history and never changes it.
import { type ApiRequest, type PodSelection, readSelection } from "./api-request.ts";
import { type Answer, jsonAnswer, statusAnswer, tooLargeResourceVersion } from "./api-status.ts";
import { type PodHistory, podKey } from "./pod-history.ts";
import type { PodObject } from "./pod-objects.ts";

/** What the server knows when it answers. */
export interface ListSource {
  readonly history: PodHistory;
  /** Of the watch cache: below the history's when this replica is behind. */
  readonly cacheRevision: number;
  readonly tokens: ContinueTokens;
}

interface ContinueToken {
  /** Of the snapshot; -1: whatever is there now. */
  readonly rv: number;
  /** The first key that was not sent yet. */
  readonly start: string;
  readonly serial: number;
}

/** Gives continue tokens out; all that were given out can be made to expire at once, whatever is still kept. */
export class ContinueTokens {
  #given = 0;
  #firstValid = 1;

  encode(rv: number, start: string): string {
    return Buffer.from(JSON.stringify({ rv, start, serial: ++this.#given })).toString("base64url");
  }

  decode(text: string): ContinueToken | undefined {
    try {
      const token = JSON.parse(Buffer.from(text, "base64url").toString()) as ContinueToken;
      return typeof token.rv === "number" && typeof token.start === "string" ? token : undefined;
    } catch {
      return undefined;
    }
  }

  isExpired({ serial }: ContinueToken): boolean {
    return serial < this.#firstValid;
  }

  expireAll(): void {
    this.#firstValid = this.#given + 1;
  }
}

export function listPods(source: ListSource, request: ApiRequest): Answer {
  const { query } = request;
  const selection = readSelection(request);
  const { history, cacheRevision, tokens } = source;
  const version = query.get("resourceVersion") ?? "";
  const limit = Number(query.get("limit") ?? "0");
  if (!/^\d*$/u.test(version)) return badRequest(`invalid resource version: "${version}"`);
  if (!Number.isInteger(limit) || limit < 0)
    return badRequest(`strconv.ParseInt: parsing limit: invalid syntax`);

  const continueText = query.get("continue") ?? "";
  if (continueText !== "") {
    if (version !== "" && version !== "0") {
      return badRequest("specifying resource version is not allowed when using continue");
    }
    const token = tokens.decode(continueText);
    if (token === undefined) return badRequest("continue key is not valid");
    const revision = token.rv < 0 ? history.revision : token.rv;
    if (tokens.isExpired(token) || revision < history.compactedRevision) {
      return expiredContinue(tokens.encode(-1, token.start));
    }
    if (revision > history.revision) {
      const message = "etcdserver: mvcc: required revision is a future revision";
      return statusAnswer({ code: 500, message });
    }
    return page(source, { revision, start: token.start, limit, selection });
  }

  // Only the watch cache answers "0", and it knows of no limit.
  if (version === "0") return page(source, { revision: cacheRevision, start: "", limit: 0, selection });
  if (version === "") return page(source, { revision: history.revision, start: "", limit, selection });

  const wanted = Number(version);
  const match = query.get("resourceVersionMatch") ?? "";
  const exact = match === "Exact" || (match === "" && limit > 0);
  const newest = limit > 0 ? history.revision : cacheRevision;
  // A real server waits three seconds for the revision before it says so.
  if (wanted > newest) return tooLargeResourceVersion(version, newest);
  if (exact && wanted < history.compactedRevision) return expired();
  return page(source, { revision: exact ? wanted : newest, start: "", limit, selection });
}

export function getPod({ history }: ListSource, { namespace, name }: ApiRequest): Answer {
  const pod = history.get(namespace, name);
  if (pod === undefined) {
    return statusAnswer({ code: 404, message: `pods "${name}" not found`, details: { name, kind: "pods" } });
  }
  return jsonAnswer(withKind(pod));
}

/** Pods stand with kind and apiVersion alone and in watches, but without them in a list. */
export function withKind(pod: PodObject): object {
  return { kind: "Pod", apiVersion: "v1", ...pod };
}

interface Page {
  readonly revision: number;
  /** The first key of the page. */
  readonly start: string;
  /** 0: no limit. */
  readonly limit: number;
  readonly selection: PodSelection;
}

function page({ history, tokens }: ListSource, { revision, start, limit, selection }: Page): Answer {
  const rest = history.podsAt(revision).filter((pod) => podKey(pod) >= start && selection.matches(pod));
  const items = limit === 0 ? rest : rest.slice(0, limit);
  const more = rest.length - items.length;
  return jsonAnswer({
    kind: "PodList",
    apiVersion: "v1",
    metadata: {
      resourceVersion: String(revision),
      ...(more > 0 && {
        continue: tokens.encode(revision, `${podKey(items.at(-1)!)}\0`),
        ...(!selection.hasSelector && { remainingItemCount: more }),
      }),
    },
    items,
  });
}

function badRequest(message: string): Answer {
  return statusAnswer({ code: 400, message });
}

/** The list was asked for at a revision that is gone. */
function expired(): Answer {
  return statusAnswer({ code: 410, message: "The resourceVersion for the provided list is too old." });
}

function expiredContinue(continueToken: string): Answer {
  const message =
    "The provided continue parameter is too old to display a consistent list result. You can start a new list without " +
    "the continue parameter, or use the continue token in this response to retrieve the remainder of the results. " +
    "Continuing with the provided token results in an inconsistent list - objects that were created, modified, or " +
    "deleted between the time the first chunk was returned and now may show up in the list.";
  return statusAnswer({ code: 410, message, continueToken });
}
