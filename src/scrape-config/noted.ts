// Data with comments, as they will stand in YAML, and its text. Never joins strings into YAML: the library writes it.
import { Document, isMap, isSeq, Pair, Scalar, YAMLMap, YAMLSeq } from "yaml";

/** A value with a comment before it (before its key, if it has one). */
export class Noted {
  readonly note: string;
  readonly value: Value;

  constructor(note: string, value: Value) {
    this.note = note;
    this.value = value;
  }
}

export type Value = string | boolean | readonly (Value | Noted)[] | Block;

/** What is undefined is left out. */
export interface Block {
  readonly [key: string]: Value | Noted | undefined;
}

export function isList(value: Value): value is readonly (Value | Noted)[] {
  return Array.isArray(value);
}

/** Quotes what YAML 1.1 would take for something else than text, for readers of both versions. */
export function renderYaml(block: Block): string {
  const document = new Document(undefined, { compat: "yaml-1.1" });
  document.contents = toNode(block);
  return document.toString({ lineWidth: 0, flowCollectionPadding: true });
}

function toNode(value: Value): Scalar | YAMLMap | YAMLSeq {
  if (isList(value)) return toSeq(value);
  if (typeof value === "string") return toText(value);
  if (typeof value === "boolean") return new Scalar(value);
  const map = new YAMLMap();
  for (const [key, entry] of Object.entries(value)) {
    if (entry === undefined) continue;
    const name = new Scalar(key);
    if (entry instanceof Noted) name.commentBefore = ` ${entry.note}`;
    map.items.push(new Pair(name, toNode(entry instanceof Noted ? entry.value : entry)));
  }
  return map;
}

/** Quoted unless it is a word: readers differ in what else may stand without quotes between braces. */
function toText(text: string): Scalar {
  const scalar = new Scalar(text);
  if (/^[\w./-]+$/.test(text)) return scalar;
  scalar.type = text.includes("\\") ? Scalar.QUOTE_SINGLE : Scalar.QUOTE_DOUBLE;
  return scalar;
}

function toSeq(values: readonly (Value | Noted)[]): YAMLSeq {
  const seq = new YAMLSeq();
  for (const item of values) {
    const node = toNode(item instanceof Noted ? item.value : item);
    if (item instanceof Noted) node.commentBefore = ` ${item.note}`;
    // Short mappings, such as rules of relabelling, take one line each.
    if (isMap(node) && node.items.every(({ key, value }) => isShort(value) && !hasNote(key)))
      node.flow = true;
    seq.items.push(node);
  }
  seq.flow = seq.items.every((item) => item instanceof Scalar && item.commentBefore == null);
  return seq;
}

const hasNote = (key: unknown) => key instanceof Scalar && key.commentBefore != null;
const isShort = (value: unknown) => value instanceof Scalar || (isSeq(value) && value.flow === true);
