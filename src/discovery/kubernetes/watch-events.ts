// The bytes of a watch -> its events, one JSON object a line. Nothing that cannot be read is passed over: a lost event
// would be a wrong pod until the next list.
import { asObject, objectAt, stringAt, type UnknownObject } from "../untrusted-object.ts";
import { ApiError, errorOfStatus } from "./api-error.ts";

export type WatchEvent =
  /** `object` is not checked yet. */
  | {
      readonly type: "ADDED" | "MODIFIED" | "DELETED";
      readonly object: unknown;
      readonly resourceVersion: string;
    }
  | { readonly type: "BOOKMARK"; readonly resourceVersion: string };

/** An object of the Kubernetes API has at most 1.5 MiB in its store; JSON writes some of it longer. */
export const maxEventBytes = 16 * 1024 * 1024;

const newline = 0x0a;

/** Cuts chunks into lines. Holds at most one unfinished line of `maxEventBytes`. */
export class EventLines {
  #parts: Buffer[] = [];
  #bytes = 0;

  /** The lines that this chunk completes, without their ends; empty ones are left out. Throws an ApiError `too_large`. */
  *push(chunk: Buffer): Generator<string> {
    let from = 0;
    for (let to = chunk.indexOf(newline); to !== -1; to = chunk.indexOf(newline, from)) {
      const line = this.#take(chunk.subarray(from, to));
      from = to + 1;
      if (line !== "") yield line;
    }
    if (from < chunk.length) this.#hold(chunk.subarray(from));
  }

  #take(end: Buffer): string {
    if (this.#bytes === 0) {
      checkLength(end.length);
      return end.toString("utf8");
    }
    this.#hold(end);
    // Decoded as a whole: a character may have been cut in two.
    const line = Buffer.concat(this.#parts).toString("utf8");
    this.#parts = [];
    this.#bytes = 0;
    return line;
  }

  #hold(part: Buffer): void {
    checkLength(this.#bytes + part.length);
    this.#bytes += part.length;
    this.#parts.push(part);
  }
}

function checkLength(bytes: number): void {
  if (bytes <= maxEventBytes) return;
  throw new ApiError("too_large", `an event of the watch has more than ${maxEventBytes} bytes`, {
    limit: "api_event_size",
  });
}

/** Throws the ApiError that an ERROR event stands for, and an ApiError `malformed` for what is no event. */
export function parseEvent(line: string): WatchEvent {
  const { type, object } = parseLine(line);
  const { code } = asObject(object);
  if (type === "ERROR") throw errorOfStatus(typeof code === "number" ? code : 500, object);
  const resourceVersion = stringAt(objectAt(asObject(object), "metadata"), "resourceVersion");
  if (resourceVersion === "") {
    throw new ApiError("malformed", "an event of the watch has no resource version");
  }
  switch (type) {
    case "ADDED":
    case "MODIFIED":
    case "DELETED":
      return { type, object, resourceVersion };
    case "BOOKMARK":
      return { type, resourceVersion };
    default:
      throw new ApiError("malformed", "an event of the watch has an unknown type");
  }
}

function parseLine(line: string): UnknownObject {
  try {
    return asObject(JSON.parse(line));
  } catch {
    // Without the parser's words, which quote the line.
    throw new ApiError("malformed", "an event of the watch is not JSON");
  }
}
