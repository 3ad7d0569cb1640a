// What users put before a program: it ends TLS, takes a path away, and forwards the rest, as an ingress does. The program knows
// nothing of it, and sees the host that the front chose.
import { request } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";

export interface TlsFront {
  /** What callers use, without a slash at the end. */
  readonly url: string;
  /** Where requests go from now on; before that they are answered 502. */
  forwardTo(origin: string): void;
  stop(): Promise<void>;
}

/** Listens on 127.0.0.1. `path` as in `/a/b`. */
export async function startTlsFront(o: { key: string; cert: string; path: string }): Promise<TlsFront> {
  let origin: string | undefined;
  const server = createServer({ key: o.key, cert: o.cert }, (incoming, response) => {
    const { url = "", headers } = incoming;
    if (origin === undefined || !url.startsWith(`${o.path}/`)) {
      response.writeHead(502).end();
      return;
    }
    const { host } = new URL(origin);
    const forwarded = request(
      `${origin}${url.slice(o.path.length)}`,
      { headers: { ...headers, host } },
      (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
      },
    );
    forwarded.on("error", () => response.destroy());
    forwarded.end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}${o.path}`,
    forwardTo: (target) => void (origin = target),
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
