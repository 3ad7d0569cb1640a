// Speaks JSON with the Kubernetes API of a test cluster. Not the program's own client: a test that used that could not find
// its faults.

import { Pool, type Dispatcher } from "undici";

const connections = 32;
const timeoutMs = 30_000;

export interface ApiRequestOptions {
  /** Default: the administrator's. */
  readonly token?: string;
  /** Of the body. Default: application/json. */
  readonly contentType?: string;
}

export class ApiError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export class ApiClient {
  readonly #pool: Pool;
  readonly #token: string;

  /** `token` is the administrator's. The owner closes the client. */
  constructor({ url, ca, token }: { url: string; ca: string; token: string }) {
    this.#pool = new Pool(url, {
      connections,
      allowH2: false,
      connect: { ca },
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
    });
    this.#token = token;
  }

  /** @returns the answer's JSON @throws ApiError when the status is not 2xx */
  async request<Answer = unknown>(
    method: Dispatcher.HttpMethod,
    path: string,
    body?: object,
    { token = this.#token, contentType = "application/json" }: ApiRequestOptions = {},
  ): Promise<Answer> {
    const response = await this.#pool.request({
      method,
      path,
      headers: {
        authorization: `Bearer ${token}`,
        accept: "application/json",
        ...(body !== undefined && { "content-type": contentType }),
      },
      body: body === undefined ? null : JSON.stringify(body),
    });
    const text = await response.body.text();
    if (response.statusCode < 200 || response.statusCode > 299) {
      const { statusCode } = response;
      throw new ApiError(
        statusCode,
        `Cannot ${method} "${path}": API server answered ${statusCode}: ${text}`,
      );
    }
    return JSON.parse(text) as Answer;
  }

  /** Whether the server says that it is ready. @throws Error when it cannot be reached */
  async isReady(signal: AbortSignal): Promise<boolean> {
    const headers = { authorization: `Bearer ${this.#token}` };
    const response = await this.#pool.request({ method: "GET", path: "/readyz", headers, signal });
    await response.body.dump();
    return response.statusCode === 200;
  }

  async close(): Promise<void> {
    await this.#pool.destroy();
  }
}
