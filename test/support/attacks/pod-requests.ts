// What arrived on one connection of a pod, taken apart as a simple keep-alive server would: heads, and bodies that nobody should
// have sent.

export interface PodRequest {
  /** "10.244.0.11:9000" */
  readonly to: string;
  readonly method: string;
  readonly target: string;
  /** Lines of the head without the first, as they came. */
  readonly headerLines: readonly string[];
}

export class PodRequestReader {
  /** Bytes that belong to no head. */
  bodyBytes = 0;
  readonly #to: string;
  #buffer = "";
  #bodyLeft = 0;

  constructor(to: string) {
    this.#to = to;
  }

  /** The requests whose heads these bytes complete. */
  push(chunk: Buffer): PodRequest[] {
    this.#buffer += chunk.toString("latin1");
    const requests: PodRequest[] = [];
    for (;;) {
      const body = Math.min(this.#bodyLeft, this.#buffer.length);
      this.bodyBytes += body;
      this.#bodyLeft -= body;
      this.#buffer = this.#buffer.slice(body);
      const end = this.#buffer.indexOf("\r\n\r\n");
      if (this.#bodyLeft > 0 || end === -1) return requests;
      const [requestLine = "", ...headerLines] = this.#buffer.slice(0, end).split("\r\n");
      this.#buffer = this.#buffer.slice(end + 4);
      const [method = "", ...target] = requestLine.replace(/ HTTP\/1\.[01]$/u, "").split(" ");
      requests.push({ to: this.#to, method, target: target.join(" "), headerLines });
      this.#bodyLeft = bodyLength(headerLines);
    }
  }
}

function bodyLength(headerLines: readonly string[]): number {
  const valueOf = (name: string) =>
    headerLines.find((line) => line.toLowerCase().startsWith(`${name}:`))?.slice(name.length + 1);
  if (valueOf("transfer-encoding") !== undefined) return Infinity;
  return Number(valueOf("content-length") ?? 0);
}
