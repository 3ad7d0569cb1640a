// The text of a PODS_FILE -> pods. All of it or nothing: a list that lost some items would look like deleted pods.
// Never blocks for long on YAML: between two items other work goes on. JSON is parsed at once (3 ms a megabyte).
import { setImmediate as nextTurn } from "node:timers/promises";
import { type Pod, type PodReader, readPod } from "../pod.ts";
import { asObject } from "../untrusted-object.ts";
import { splitYamlItems } from "./split-yaml-items.ts";

/**
 * Characters of YAML that are parsed in one go: an item, or all that is no item. An object of the Kubernetes API has at
 * most 1.5 MiB.
 */
const maxYamlPieceLength = 8 * 1024 * 1024;
/** Beyond it the YAML parser takes nested aliases for an attempt to exhaust memory. */
const maxAliasCount = 100;

/**
 * Reads a v1 List or PodList in JSON (when the first character that is not blank is "{") or in YAML, one document.
 * Rejects with an Error that says what is wrong, with the index of the item: text that does not parse, another kind, a
 * list of several pages, an item that is no pod or has no uid, namespace or name, two items with one uid. Rejects with
 * the reason of the signal when it is aborted.
 */
export async function parsePodList(
  text: string,
  { read = readPod, signal }: { read?: PodReader; signal?: AbortSignal } = {},
): Promise<readonly Pod[]> {
  const pods = new PodCollector(read);
  if (/^\s*\{/.test(text)) {
    const list = readList(parseJson(text));
    for (const item of list.items) pods.add(item, list);
    return pods.pods;
  }
  const pieces = splitYamlItems(text);
  const list = readList(await parseYaml(pieces.rest, "the list"), { itemsApart: pieces.items.length > 0 });
  for (const item of list.items) pods.add(item, list);
  for (const [index, piece] of pieces.items.entries()) {
    const [item] = (await parseYaml(
      piece.text,
      `items[${index}], which begins at line ${piece.line},`,
    )) as unknown[];
    pods.add(item, list);
    await nextTurn();
    signal?.throwIfAborted();
  }
  // The parser gives slices of the text, and one slice would keep all of the text in memory.
  return structuredClone(pods.pods);
}

interface List {
  readonly kind: "List" | "PodList";
  readonly items: readonly unknown[];
}

/** `itemsApart`: the items were cut out before. */
function readList(document: unknown, { itemsApart = false } = {}): List {
  const { kind, items, metadata } = asObject(document);
  if (kind !== "List" && kind !== "PodList") {
    throw new Error(`its kind is ${show(kind)}, wanted is "List" or "PodList"`);
  }
  if (asObject(metadata)["continue"]) {
    throw new Error("it is one page of a longer list: metadata.continue is set");
  }
  if (itemsApart && items === null) return { kind, items: [] };
  if (!itemsApart && Array.isArray(items)) return { kind, items };
  throw new Error("its items are not a list");
}

/** Reads items one by one; the number of those before is an item's index. */
class PodCollector {
  readonly pods: Pod[] = [];
  readonly #indexes = new Map<string, number>();
  readonly #read: PodReader;

  constructor(read: PodReader) {
    this.#read = read;
  }

  add(item: unknown, list: List): void {
    const index = this.pods.length;
    const { kind } = asObject(item);
    // The API gives the items of a PodList without a kind.
    if (kind !== "Pod" && !(kind === undefined && list.kind === "PodList")) {
      throw new Error(`items[${index}] is not a pod: its kind is ${show(kind)}`);
    }
    const pod = this.#read(item);
    if ("problem" in pod) throw new Error(`items[${index}] is not a usable pod: ${pod.problem}`);
    const other = this.#indexes.get(pod.uid);
    if (other !== undefined) {
      throw new Error(`items[${other}] and items[${index}] have the same uid ${show(pod.uid)}`);
    }
    this.#indexes.set(pod.uid, index);
    this.pods.push(pod);
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    // Without the piece of the text that V8 quotes: it may be a secret.
    throw new Error(`it is not JSON: ${firstLine(error).replace(/, (?:\.{3})?"[^]*$/, "")}`, {
      cause: error,
    });
  }
}

async function parseYaml(text: string, what: string): Promise<unknown> {
  // Loaded when it is needed: it takes 10 MB, and most lists are JSON.
  const { parseDocument } = await import("yaml");
  if (text.length > maxYamlPieceLength) {
    throw new Error(`${what} has more than ${maxYamlPieceLength} characters of YAML in one piece, use JSON`);
  }
  try {
    const document = parseDocument(text, { prettyErrors: false });
    if (document.errors.length > 0) throw document.errors[0];
    return document.toJS({ maxAliasCount });
  } catch (error) {
    throw new Error(`${what} is not YAML: ${firstLine(error)}`, { cause: error });
  }
}

function show(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.slice(0, 80));
  return value === undefined ? "missing" : "not a string";
}

function firstLine(error: unknown): string {
  return (error as Error).message.split("\n", 1)[0]!;
}
