// Gives a listener a request whose target is any text at all, past the parser of HTTP: everything behind it runs as it does for a
// connection. A million of them take a minute, where a million of connections take an hour.
import { IncomingMessage, ServerResponse } from "node:http";
import { Duplex } from "node:stream";

/** Node.js' own end of a response, which nothing but its server calls. */
interface ResponseInternals {
  assignSocket(socket: unknown): void;
  detachSocket(socket: unknown): void;
}

class Sink extends Duplex {
  readonly remoteAddress = "127.0.0.1";
  // The listener has a response look for a client that stops reading.
  setTimeout(): this {
    return this;
  }
  override _read(): void {}
  override _write(_chunk: unknown, _encoding: string, done: () => void): void {
    done();
  }
}

/** A server, as far as a request is concerned. */
interface Requestable {
  emit(event: "request", request: IncomingMessage, response: ServerResponse): boolean;
}

/** Resolves with the status once the answer is out. `target` stands in the request as it is. */
export function requestInProcess(server: Requestable, target: string): Promise<number> {
  const socket = new Sink();
  const request = new IncomingMessage(socket as never);
  Object.assign(request, { method: "GET", url: target, httpVersion: "1.1", complete: true });
  request.httpVersionMajor = 1;
  request.httpVersionMinor = 1;
  request.rawHeaders = ["Host", "proxy"];
  request.headers = { host: "proxy" };
  request.push(null);
  const response = new ServerResponse(request);
  const internals = response as unknown as ResponseInternals;
  internals.assignSocket(socket);
  return new Promise((resolve) => {
    response.once("finish", () => {
      internals.detachSocket(socket);
      response.destroyed = true;
      response.emit("close");
      resolve(response.statusCode);
    });
    server.emit("request", request, response);
  });
}
