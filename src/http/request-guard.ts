// The first look at a request, at the bytes as they came. Everything that a later hop could read in another way (framing,
// target form, a second Host) is refused here, before any route is chosen; bodies are never read.
import type { IncomingMessage } from "node:http";

import { parseRequestPath, type RequestPath } from "../targets/path.ts";
import { HttpError } from "./http-error.ts";

/** What the routes work on. Decoded forms of the target are never used. */
export interface CheckedTarget {
  readonly path: RequestPath;
  /** What follows the first "?", as received; "" when there is none. */
  readonly rawQuery: string;
  /** What has been taken off before `path` (APP_URL_PREFIX): only for telling callers which paths there are. */
  readonly prefix: string;
}

/** Methods that are answered. */
const allow = "GET, HEAD";

// RFC 9112 section 3.2: a request with an invalid Host value is answered 400. A reg-name or an IP literal, then a port.
const hostValue = /^(?:[A-Za-z0-9._~!$&'()*+,;=%-]*|\[[0-9A-Fa-f:.]+\])(?::[0-9]{0,5})?$/;

const malformed = (what: string) =>
  new HttpError(400, `Cannot read the request: ${what}`, { closeConnection: true });

/**
 * Throws HttpError (400, closing the connection; 405) or MalformedRequestError. `request` is only looked at.
 * Node has already refused what RFC 9112 calls invalid framing; what it lets through and a scrape never needs is refused here.
 */
export function checkRequest(request: IncomingMessage, { prefix }: { prefix: string }): CheckedTarget {
  checkVersionAndHost(request);
  const { headers } = request;
  if (headers["transfer-encoding"] !== undefined)
    throw malformed("it has a Transfer-Encoding, and bodies are not accepted");
  const length = headers["content-length"];
  if (length !== undefined && length !== "0")
    throw malformed("it has a Content-Length, and bodies are not accepted");
  if (headers.expect !== undefined) throw malformed("Expect is not supported");
  if (request.method !== "GET" && request.method !== "HEAD") {
    throw new HttpError(405, `Cannot answer this method: only ${allow} are allowed`, { allow });
  }
  return { ...splitTarget(request.url ?? ""), prefix };
}

function checkVersionAndHost(request: IncomingMessage): void {
  const { httpVersion, rawHeaders } = request;
  // Node's parser lets 0.9 and 2.0 request lines through (seen with Node 24.21).
  if (httpVersion !== "1.1" && httpVersion !== "1.0")
    throw malformed("only HTTP/1.1 and HTTP/1.0 are spoken");
  let hosts = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    // `headers.host` hides a second Host; rawHeaders does not.
    if (rawHeaders[i]?.toLowerCase() === "host") hosts++;
  }
  if (hosts > 1 || (hosts === 0 && httpVersion === "1.1"))
    throw malformed("exactly one Host header is needed");
  if (hosts === 1 && !hostValue.test(request.headers.host ?? ""))
    throw malformed("the Host header is not valid");
}

function splitTarget(url: string): Pick<CheckedTarget, "path" | "rawQuery"> {
  const mark = url.indexOf("?");
  return {
    path: parseRequestPath(mark === -1 ? url : url.slice(0, mark)),
    rawQuery: mark === -1 ? "" : url.slice(mark + 1),
  };
}
