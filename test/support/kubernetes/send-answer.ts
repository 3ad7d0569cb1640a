// Puts a complete answer on the wire, or the first part of one. Long ones are compressed for clients that take it, as
// kube-apiserver does.
import type { IncomingMessage, ServerResponse } from "node:http";
import { gzipSync } from "node:zlib";

import type { Answer } from "./api-status.ts";

/** Lists longer than this are compressed. */
const gzipThresholdBytes = 128 * 1024;

/** `message`: what its client takes counts. */
export function sendAnswer(response: ServerResponse, answer: Answer, message?: IncomingMessage): void {
  const { status, headers, body } = answer;
  const takesGzip = /\bgzip\b/u.test(message?.headers["accept-encoding"] ?? "");
  if (status === 200 && takesGzip && body.length > gzipThresholdBytes) {
    response.writeHead(status, { ...headers, "content-encoding": "gzip", vary: "Accept-Encoding" });
    response.end(gzipSync(body, { level: 1 }));
  } else {
    response.writeHead(status, headers);
    response.end(body);
  }
}

/** Only so much of the body; then a proper end of it, or the end of the connection. */
export function sendTruncated(
  response: ServerResponse,
  { status, headers, body }: Answer,
  { ratio, end }: { ratio: number; end: "clean" | "cut" },
): void {
  const bytes = Buffer.from(body);
  response.writeHead(status, headers);
  response.write(bytes.subarray(0, Math.floor(bytes.length * ratio)), () => {
    if (end === "clean") response.end();
    else response.destroy();
  });
}
