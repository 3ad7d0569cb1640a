// Ordinary requests of tests: one connection each, the body as it came on the wire.
import { type Agent, request as httpRequest, type IncomingHttpHeaders } from "node:http";
import { request as httpsRequest } from "node:https";
import { recordAnswer } from "../recorded-answers.ts";

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly text: string;
  /** False when the connection closed before the body was whole. */
  readonly complete: boolean;
}

export interface RequestOptions {
  readonly headers?: Readonly<Record<string, string>>;
  readonly method?: string;
  /** For requests that share connections. */
  readonly agent?: Agent;
  /** Why a merged answer is not to be judged when the tests are over: what a pod itself sends that strict readers refuse. */
  readonly unjudged?: string;
  /** The root that verifies an https origin. */
  readonly ca?: string;
  /** What the client shows, to servers that ask for it. */
  readonly certificate?: { readonly cert: string; readonly key: string };
}

/** Sends the target exactly as given. Rejects only when no answer began. */
export async function request(origin: string, target: string, o: RequestOptions = {}): Promise<Answer> {
  const { protocol, hostname, port } = new URL(origin);
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const sent = (protocol === "https:" ? httpsRequest : httpRequest)({
    ...(o.ca !== undefined && { ca: o.ca }),
    ...o.certificate,
    host: hostname,
    port,
    path: target,
    agent: o.agent ?? false,
    method: o.method ?? "GET",
    headers: o.headers ?? {},
  });
  sent.on("error", reject);
  sent.on("response", (response) => {
    const chunks: Buffer[] = [];
    response.on("data", (chunk: Buffer) => void chunks.push(chunk));
    response.on("error", () => undefined);
    response.on("close", () => {
      const body = Buffer.concat(chunks);
      const answer = {
        status: response.statusCode ?? 0,
        headers: response.headers,
        body,
        text: body.toString("utf8"),
        complete: response.complete,
      };
      if (answer.complete && o.unjudged === undefined) recordAnswer(target, answer);
      resolve(answer);
    });
  });
  sent.end();
  return promise;
}

/** The samples of a text exposition: everything but comments, as "series" -> "value". */
export function samplesOf(text: string): Map<string, string> {
  return new Map(
    text
      .split("\n")
      .filter((line) => line !== "" && !line.startsWith("#"))
      .map((line): [string, string] => {
        const blank = line.lastIndexOf(" ");
        return [line.slice(0, blank), line.slice(blank + 1)];
      }),
  );
}
