// Requests to the Kubernetes API, with the token: this is the only place that a token leaves through, and only to the
// verified server. Every answer is bounded; every failure is an ApiError.
import type { Readable } from "node:stream";

import type { Dispatcher } from "undici";

import { ApiError, errorOfStatus } from "./api-error.ts";
import type { ApiTransport, Purpose } from "./api-transport.ts";
import type { BearerToken } from "./bearer-token.ts";

export interface ApiClientOptions {
  readonly transport: Pick<ApiTransport, "send">;
  /** Absent: requests carry no credentials (`kubectl proxy` adds its own). */
  readonly token: BearerToken | undefined;
  /** Before every path, such as `/k8s/clusters/c-1`; "" for a plain API server. */
  readonly pathPrefix: string;
  readonly userAgent: string;
}

export interface ApiQuery {
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

export interface ApiReview {
  readonly path: string;
  /** Becomes JSON. It may hold a secret, which is in no error. */
  readonly document: object;
  readonly signal: AbortSignal;
}

/** A query or a review. */
interface ApiCall extends ApiQuery {
  readonly body?: string;
}

/** A page of 500 pods has 3 to 15 MB; beyond this something is wrong with the server, or it is none. */
const maxDocumentBytes = 128 * 1024 * 1024;
const maxReviewBytes = 1024 * 1024;
const maxStatusBytes = 64 * 1024;
const refusalTimeoutMs = 5_000;

export class ApiClient {
  readonly #options: ApiClientOptions;
  /** The tokens that were sent last, a replaced one included. */
  #sent: readonly string[] = [];

  constructor(options: ApiClientOptions) {
    this.#options = options;
  }

  /** The text without the token, which a server may repeat in its answer. */
  redact(text: string): string {
    return this.#sent.reduce((redacted, token) => redacted.replaceAll(token, "[redacted]"), text);
  }

  /** The decoded document. Rejects with an ApiError, or with the signal's reason. */
  async getJson(query: ApiQuery): Promise<unknown> {
    const { body } = await this.#request("list", query);
    return await readJson(body, { maxBytes: maxDocumentBytes, signal: query.signal });
  }

  /** Has the server review a document and gives it back with its status, decoded. Rejects as getJson() does. */
  async review({ path, document, signal }: ApiReview): Promise<unknown> {
    const call = { path, query: {}, body: JSON.stringify(document), signal };
    const { body } = await this.#request("review", call);
    return await readJson(body, { maxBytes: maxReviewBytes, signal });
  }

  /** The bytes of a watch, which the caller reads to the end or destroys. Rejects as getJson() does. */
  async openStream(query: ApiQuery): Promise<Readable> {
    const { body } = await this.#request("watch", query);
    // Whoever destroys it is not interested in an error any more.
    body.on("error", () => undefined);
    return body;
  }

  async #request(purpose: Purpose, query: ApiCall): Promise<Dispatcher.ResponseData> {
    const { token } = this.#options;
    const used = await token?.read();
    const response = await this.#send(purpose, query, used);
    if (response.statusCode !== 401 || used === undefined || !token!.refused(used))
      return await accept(response, query);
    // The token may have been replaced a moment ago.
    const next = await token!.read();
    if (next === used) return await accept(response, query);
    await response.body.dump({ limit: maxStatusBytes, signal: query.signal }).catch(() => undefined);
    return await accept(await this.#send(purpose, query, next), query);
  }

  async #send(purpose: Purpose, { path, query, body, signal }: ApiCall, token: string | undefined) {
    const { transport, pathPrefix, userAgent } = this.#options;
    if (token !== undefined && !this.#sent.includes(token)) this.#sent = [token, ...this.#sent.slice(0, 1)];
    const response = await transport.send(purpose, {
      path: `${pathPrefix}${path}${searchOf(query)}`,
      headers: {
        accept: "application/json",
        "user-agent": userAgent,
        ...(body !== undefined && { "content-type": "application/json" }),
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
      },
      body,
      signal,
    });
    if (!isGood(response.statusCode)) limitTime(response.body);
    return response;
  }
}

function searchOf(query: ApiQuery["query"]): string {
  const text = new URLSearchParams(query).toString();
  return text === "" ? "" : `?${text}`;
}

/** 201 is the answer to a review. */
function isGood(status: number): boolean {
  return status === 200 || status === 201;
}

/** The words of a refusal have to come soon: nobody watches over them as over a list or a watch. */
function limitTime(body: Readable): void {
  body.on("error", () => undefined);
  const late = setTimeout(() => body.destroy(new Error("it took too long")), refusalTimeoutMs);
  body.once("close", () => clearTimeout(late));
}

async function accept(
  response: Dispatcher.ResponseData,
  { signal }: ApiQuery,
): Promise<Dispatcher.ResponseData> {
  const { statusCode, headers, body } = response;
  if (isGood(statusCode)) return response;
  const bytes = await readBounded(body, { maxBytes: maxStatusBytes, signal }).catch((error: unknown) => {
    signal.throwIfAborted();
    if (error instanceof ApiError) return undefined;
    throw error;
  });
  const retryAfter = headers["retry-after"];
  throw errorOfStatus(
    statusCode,
    bytes === undefined ? undefined : parseJsonOrNothing(bytes.toString("utf8")),
    {
      retryAfterMs:
        typeof retryAfter === "string" && /^\d{1,6}$/.test(retryAfter)
          ? Number(retryAfter) * 1000
          : undefined,
    },
  );
}

async function readJson(
  body: Readable,
  { maxBytes, signal }: { maxBytes: number; signal: AbortSignal },
): Promise<unknown> {
  const bytes = await readBounded(body, { maxBytes, signal });
  if (bytes !== undefined) return parseJson(bytes.toString("utf8"));
  throw new ApiError("too_large", `the answer has more than ${maxBytes} bytes`, {
    limit: "api_response_size",
  });
}

/** Undefined when there is more. Rejects with an ApiError `unreachable` when the body breaks off. */
async function readBounded(
  body: Readable,
  { maxBytes, signal }: { maxBytes: number; signal: AbortSignal },
): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      // Leaving the loop destroys the body.
      if (bytes > maxBytes) return undefined;
      chunks.push(chunk);
    }
  } catch (error) {
    signal.throwIfAborted();
    throw new ApiError("unreachable", "the answer of the API server broke off", { cause: error });
  }
  return Buffer.concat(chunks);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ApiError("malformed", "the answer is not JSON", { cause: describe(error) });
  }
}

/** V8 quotes the text in its message: that does not belong into a log. */
function describe(error: unknown): Error {
  return new Error((error as Error).name);
}

function parseJsonOrNothing(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
