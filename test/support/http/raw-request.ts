// A client that writes exactly the given bytes and keeps what comes back until the server closes: no library between the test
// and the wire. Strings are latin-1, one character a byte.
import { connect } from "node:net";
import { connect as connectTls, type ConnectionOptions } from "node:tls";

export interface RawAnswer {
  /** The first status on the connection; 0 when it was closed without an answer. */
  readonly status: number;
  /** Lower-case names of the first answer. */
  readonly headers: ReadonlyMap<string, string>;
  /** Everything after the first head, framing included. */
  readonly rest: string;
  /** How many status lines came on the connection. */
  readonly answers: number;
}

export interface RawRequestOptions {
  readonly port: number;
  readonly host?: string;
  /** Gives up, and destroys the connection, after this time. */
  readonly timeoutMs?: number;
  /** Speaks TLS, with these settings. */
  readonly tls?: ConnectionOptions;
}

/** Resolves when the server has closed the connection; rejects if it did not within the time. */
export function rawRequest(bytes: string, o: RawRequestOptions): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const address = { port: o.port, host: o.host ?? "127.0.0.1" };
    const socket = o.tls === undefined ? connect(address) : connectTls({ ...o.tls, ...address });
    const timer = setTimeout(() => {
      socket.destroy();
      reject(
        new Error(`The server did not close the connection; it sent ${JSON.stringify(text.slice(0, 200))}`),
      );
    }, o.timeoutMs ?? 5000);
    let text = "";
    socket.setEncoding("latin1");
    socket.on("data", (chunk: string) => (text += chunk));
    // A reset is one way of closing; what arrived before it counts.
    socket.on("error", () => undefined);
    socket.on("close", () => {
      clearTimeout(timer);
      resolve(parseAnswer(text));
    });
    socket.on(o.tls === undefined ? "connect" : "secureConnect", () => socket.write(bytes, "latin1"));
  });
}

function parseAnswer(text: string): RawAnswer {
  const end = text.indexOf("\r\n\r\n");
  const [statusLine = "", ...headerLines] = text.slice(0, Math.max(end, 0)).split("\r\n");
  const headers = new Map(
    headerLines.map((line): [string, string] => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
  return {
    status: Number(/^HTTP\/1\.1 (\d{3}) /.exec(statusLine)?.[1] ?? 0),
    headers,
    rest: end === -1 ? "" : text.slice(end + 4),
    answers: text.match(/^HTTP\/1\.1 \d{3} /gm)?.length ?? 0,
  };
}
