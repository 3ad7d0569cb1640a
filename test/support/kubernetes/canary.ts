// A server to which no request may ever come: the place a redirect points to, or one that poses as the API server. Counts,
// and notes whether it was given credentials.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

export interface Canary extends AsyncDisposable {
  readonly url: string;
  /** The Authorization header of each request that came. */
  readonly authorizations: readonly (string | undefined)[];
}

export async function startCanary(): Promise<Canary> {
  const authorizations: (string | undefined)[] = [];
  const server = createServer(({ headers }, response) => {
    authorizations.push(headers.authorization);
    response.writeHead(200, { "content-type": "application/json" });
    response.end('{"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"1"},"items":[]}\n');
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    authorizations,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
