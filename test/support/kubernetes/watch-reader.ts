// The simplest client of a watch: reads lines and shows what came. For tests of the fake itself.
import { once } from "node:events";
import { get, type IncomingMessage } from "node:http";

export interface WatchEvent {
  readonly type: string;
  readonly object: {
    readonly code?: number;
    readonly reason?: string;
    readonly kind?: string;
    readonly metadata: { readonly name?: string; readonly uid?: string; readonly resourceVersion: string };
    readonly status?: { readonly phase?: string; readonly podIP?: string };
  };
}

export class WatchReader {
  /** Whole lines, parsed; a line that is no JSON stops the test. */
  readonly events: WatchEvent[] = [];
  readonly status: number;
  /** After the last line feed. */
  rest: Buffer = Buffer.alloc(0);
  /** Chunks of the body as they arrived. */
  chunks = 0;
  state: "open" | "ended" | "cut" = "open";
  readonly #response: IncomingMessage;

  private constructor(response: IncomingMessage) {
    this.#response = response;
    this.status = response.statusCode ?? 0;
    response.on("data", (chunk: Buffer) => {
      this.chunks++;
      this.rest = Buffer.concat([this.rest, chunk]);
      for (let end = this.rest.indexOf("\n"); end !== -1; end = this.rest.indexOf("\n")) {
        this.events.push(JSON.parse(this.rest.subarray(0, end).toString()) as WatchEvent);
        this.rest = this.rest.subarray(end + 1);
      }
    });
    response.on("error", () => undefined);
    response.on("close", () => {
      this.state = response.complete ? "ended" : "cut";
    });
  }

  static async open(url: string): Promise<WatchReader> {
    const request = get(url, { agent: false });
    const [response] = (await once(request, "response")) as [IncomingMessage];
    return new WatchReader(response);
  }

  /** In short: `ADDED app-1 1001`. */
  get summary(): readonly string[] {
    return this.events.map(({ type, object: { metadata, code } }) =>
      [type, metadata.name, metadata.resourceVersion ?? code].filter((word) => word !== undefined).join(" "),
    );
  }

  pause(): void {
    this.#response.pause();
  }

  close(): void {
    this.#response.destroy();
  }
}
