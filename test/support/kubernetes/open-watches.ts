// All watches that are open now, and what a test does to them. A closed watch leaves by itself; nothing here keeps a process
// alive.
import type { ServerResponse } from "node:http";

import type { ApiRequest, PodSelection } from "./api-request.ts";
import type { EndlessBody } from "./endless-body.ts";
import type { PodEvent, PodHistory } from "./pod-history.ts";
import { eventLine, type EventType, WatchStream } from "./watch-stream.ts";
import { withKind } from "./list-pods.ts";

/** What the server knows when it opens a watch or goes on with it. */
export interface WatchSource {
  readonly history: PodHistory;
  /** No later event is sent. */
  readonly cacheRevision: number;
}

export type ArrangeEvents = (events: readonly PodEvent[]) => readonly PodEvent[];

export interface OpenWatchOptions {
  readonly request: ApiRequest;
  readonly selection: PodSelection;
  /** Of the events that happened before; undefined in their order. */
  readonly arrange: ArrangeEvents | undefined;
}

/** Half an hour, as a server closes watches whose client names no time. */
const defaultTimeoutMs = 1_800_000;

export class OpenWatches {
  readonly #source: () => WatchSource;
  readonly #streams = new Set<WatchStream>();
  /** Timed out while nothing was sent. */
  readonly #overdue = new Set<WatchStream>();
  #frozen = false;

  constructor(source: () => WatchSource) {
    this.#source = source;
  }

  get size(): number {
    return this.#streams.size;
  }

  /** What the open ones asked. */
  get requests(): readonly ApiRequest[] {
    return [...this.#streams].map(({ request }) => request);
  }

  open(response: ServerResponse, { request, selection, arrange }: OpenWatchOptions): void {
    const { history, cacheRevision } = this.#source();
    const wanted = Number(request.query.get("resourceVersion") ?? "0");
    const stream = new WatchStream(response, { request, selection, cursor: wanted || cacheRevision });
    this.#streams.add(stream);
    const timeoutSeconds = Number(request.query.get("timeoutSeconds") ?? "0");
    const timer = setTimeout(
      () => (this.#frozen ? this.#overdue.add(stream) : this.#end(stream)),
      timeoutSeconds > 0 ? timeoutSeconds * 1000 : defaultTimeoutMs,
    ).unref();
    response.once("close", () => {
      clearTimeout(timer);
      this.#streams.delete(stream);
      this.#overdue.delete(stream);
    });
    if (wanted === 0) {
      // Any state will do: it comes as if all pods were new.
      for (const pod of history.podsAt(cacheRevision)) {
        if (selection.matches(pod)) stream.write(eventLine("ADDED", withKind(pod)));
      }
    }
    stream.catchUp(history, cacheRevision, arrange);
  }

  /** Sends what happened since the last call. */
  pump(): void {
    if (this.#frozen) return;
    const { history, cacheRevision } = this.#source();
    for (const stream of this.#streams) stream.catchUp(history, cacheRevision);
  }

  /** Those that allow bookmarks learn how far the server is; no pod's event need have been so late. */
  bookmark(): void {
    if (this.#frozen) return;
    const { cacheRevision } = this.#source();
    for (const stream of this.#streams) {
      // A watch from a revision to come gets no older one.
      if (stream.cursor <= cacheRevision) stream.bookmark(cacheRevision);
    }
  }

  /** All bytes that are not lost stay in their order; nothing is sent until thaw(). */
  freeze(): void {
    this.#frozen = true;
  }

  /** What happened meanwhile is sent; a watch whose events are compacted meanwhile ends, as one that was too slow. */
  thaw(): void {
    this.#frozen = false;
    const { history } = this.#source();
    for (const stream of this.#streams) {
      if (stream.cursor < history.compactedRevision) this.#end(stream);
    }
    this.pump();
    for (const stream of this.#overdue) this.#end(stream);
  }

  /** Ends them as at the end of their time. */
  close(): void {
    for (const stream of this.#streams) this.#end(stream);
  }

  /** What was sent before arrives, then half a line if so wanted, then the connection is destroyed. */
  async cut(o: { midLine?: boolean } = {}): Promise<void> {
    const streams = [...this.#streams];
    this.#streams.clear();
    await Promise.all(streams.map((stream) => stream.cut(o.midLine ?? false)));
  }

  /** Destroys the connections at once; what is on its way may be lost. */
  destroy(): void {
    for (const stream of this.#streams) stream.destroy();
    this.#streams.clear();
  }

  /** Any bytes; each piece is sent `pauseMs` after the last one, so that it arrives by itself. */
  async send(pieces: string | Uint8Array | readonly (string | Uint8Array)[], pauseMs = 5): Promise<void> {
    const list = typeof pieces === "string" || pieces instanceof Uint8Array ? [pieces] : pieces;
    for (const [index, piece] of list.entries()) {
      if (index > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
      await Promise.all([...this.#streams].map((stream) => stream.send(piece)));
    }
  }

  /** One event of any type, known or not. */
  async sendEvent(type: EventType | (string & {}), object: unknown): Promise<void> {
    await this.send(eventLine(type, object));
  }

  /** An ERROR event; then, as a server does, the watch ends. */
  sendError(o: { code: number; message: string; reason?: string; keepOpen?: boolean }): void {
    for (const stream of this.#streams) {
      stream.error(o);
      if (o.keepOpen !== true) this.#end(stream);
    }
  }

  /** Sends events again, in the order given. */
  replay(events: readonly PodEvent[]): void {
    for (const stream of this.#streams) stream.replay(events);
  }

  /** A line that never ends, on each of them. */
  sendEndlessLine(head = '{"type":"ADDED","object":{"kind":"Pod","x":"', unit = "x"): readonly EndlessBody[] {
    return [...this.#streams].map((stream) => stream.endlessLine(head, unit));
  }

  #end(stream: WatchStream): void {
    this.#streams.delete(stream);
    stream.end();
  }
}
