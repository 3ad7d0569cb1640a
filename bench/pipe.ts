/**
 * The floor that the proxy is measured against: a page of Node on undici that fetches the same pods and only forwards
 * their bytes, unread and unlabelled. Started with: port of the pods. Sends its own port to the parent.
 * `GET /merge/<n>`: the bytes of n pods; `GET /one`: of one pod.
 */
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Agent, type Dispatcher } from "undici";
import { podAddress } from "./pod-address.ts";

const podPort = Number(process.argv[2]);
const agent = new Agent({ keepAliveTimeout: 75_000, keepAliveMaxTimeout: 90_000, connections: 64 });

function forward(index: number, response: ServerResponse, done: () => void): void {
  const handler: Dispatcher.DispatchHandler = {
    onRequestStart() {},
    onResponseStart() {},
    onResponseData(controller, chunk) {
      if (response.write(chunk)) return;
      controller.pause();
      response.once("drain", () => controller.resume());
    },
    onResponseEnd: done,
    onResponseError(_controller, error) {
      response.destroy(error);
    },
  };
  agent.dispatch(
    { origin: `http://${podAddress(index)}:${podPort}`, path: "/metrics", method: "GET" },
    handler,
  );
}

const server = createServer({ keepAliveTimeout: 120_000 }, (request, response) => {
  response.setMaxListeners(0);
  response.writeHead(200, { "content-type": "text/plain; version=0.0.4; charset=utf-8" });
  let open = Number(/^\/merge\/(\d+)$/.exec(request.url!)?.[1] ?? 1);
  for (let index = 0, count = open; index < count; index++) {
    forward(index, response, () => {
      if (--open === 0) response.end();
    });
  }
});
server.listen(0, "127.0.0.1", () => process.send!({ port: (server.address() as AddressInfo).port }));
process.on("disconnect", () => process.exit(0));
