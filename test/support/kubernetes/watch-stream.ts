// One open watch: which events were sent, and every way in which its bytes can go wrong. It only sends what it is given; when
// something is to be sent is the affair of open-watches.ts.
import { once } from "node:events";
import type { ServerResponse } from "node:http";

import type { ApiRequest, PodSelection } from "./api-request.ts";
import { statusObject } from "./api-status.ts";
import { type EndlessBody, pourEndlessly } from "./endless-body.ts";
import { withKind } from "./list-pods.ts";
import { type PodEvent, type PodHistory, withRevision } from "./pod-history.ts";

export type EventType = "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" | "ERROR";

/** A line of a watch; any type, for those that no server sends. */
export function eventLine(type: EventType | (string & {}), object: unknown): string {
  return `${JSON.stringify({ type, object })}\n`;
}

const cutTimeoutMs = 1000;

export class WatchStream {
  readonly request: ApiRequest;
  readonly #response: ServerResponse;
  readonly #selection: PodSelection;
  #cursor: number;

  constructor(response: ServerResponse, o: { request: ApiRequest; selection: PodSelection; cursor: number }) {
    this.#response = response;
    this.request = o.request;
    this.#selection = o.selection;
    this.#cursor = o.cursor;
    response.writeHead(200, { "content-type": "application/json", "cache-control": "no-cache, private" });
    response.flushHeaders();
    // A connection that is lost is no error of the server.
    response.on("error", () => undefined);
  }

  /** All up to this revision was sent; a revision to come when the client asked for that. */
  get cursor(): number {
    return this.#cursor;
  }

  /** Sends what happened since; `arrange` may send it in another order, or more than it. */
  catchUp(
    history: PodHistory,
    upTo: number,
    arrange: (events: readonly PodEvent[]) => readonly PodEvent[] = (events) => events,
  ): void {
    if (upTo <= this.#cursor) return;
    const events = history.eventsAfter(this.#cursor, upTo);
    this.#cursor = upTo;
    this.replay(arrange(events));
  }

  /** Sends events whether they were sent or not, in this order. */
  replay(events: readonly PodEvent[]): void {
    const lines = events.map((event) => this.#lineOf(event)).join("");
    this.write(lines);
  }

  bookmark(revision: number): void {
    if (!["true", "1"].includes(this.request.query.get("allowWatchBookmarks") ?? "")) return;
    const metadata = { resourceVersion: String(revision), creationTimestamp: null };
    const pod = { kind: "Pod", apiVersion: "v1", metadata, spec: { containers: null }, status: {} };
    this.write(eventLine("BOOKMARK", pod));
  }

  error(o: { code: number; message: string; reason?: string }): void {
    this.write(eventLine("ERROR", statusObject(o)));
  }

  write(bytes: string | Uint8Array, done?: () => void): void {
    if (bytes.length > 0 && !this.#response.destroyed && !this.#response.writableEnded) {
      this.#response.write(bytes, done);
    } else {
      done?.();
    }
  }

  /** Resolves when the bytes are with the operating system, or lost because the connection is. */
  async send(bytes: string | Uint8Array): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#response.once("close", resolve);
    this.write(bytes, resolve);
    await promise;
    this.#response.off("close", resolve);
  }

  endlessLine(head: string, unit: string): EndlessBody {
    return pourEndlessly(this.#response, head, unit);
  }

  /** As a server does at the end of timeoutSeconds. */
  end(): void {
    this.#response.end();
  }

  destroy(): void {
    this.#response.destroy();
  }

  /** What was sent before arrives, then half a line if so wanted; then the connection ends in the middle of the body. */
  async cut(midLine: boolean): Promise<void> {
    const { socket } = this.#response;
    if (socket === null || this.#response.destroyed) return;
    if (midLine) this.write('{"type":"MODIFIED","object":{"kind":"Pod","apiVersion":"v1","metadata":{"na');
    const closed = once(socket, "close");
    socket.destroySoon();
    // A client that reads nothing would hold it for ever.
    const timer = setTimeout(() => socket.destroy(), cutTimeoutMs);
    await closed;
    clearTimeout(timer);
  }

  #lineOf({ revision, pod, previous }: PodEvent): string {
    const before = previous !== undefined && this.#selection.matches(previous);
    if (pod !== undefined && this.#selection.matches(pod)) {
      return eventLine(before ? "MODIFIED" : "ADDED", withKind(pod));
    }
    // Gone, or no longer selected: its last state, with the revision at which it went.
    return before ? eventLine("DELETED", withKind(withRevision(previous, revision))) : "";
  }
}
