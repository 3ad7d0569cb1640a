/**
 * A process of fake pods for the benchmark: one HTTP server on many loopback addresses, all with one body.
 * Started with: number of addresses, file of the body. Sends its port to the parent.
 */
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { podAddress } from "./pod-address.ts";

const [count, file] = [Number(process.argv[2]), process.argv[3]!];
const body = readFileSync(file);

async function listen(address: string, port: number): Promise<number> {
  const server = createServer({ keepAliveTimeout: 120_000 }, (_request, response) => {
    response.writeHead(200, {
      "content-type": "text/plain; version=0.0.4; charset=utf-8",
      "content-length": body.length,
    });
    response.end(body);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, address, 4096, resolve);
  });
  return (server.address() as AddressInfo).port;
}

const port = await listen(podAddress(0), 0);
for (let index = 1; index < count; index++) await listen(podAddress(index), port);
process.send!({ port });
process.on("disconnect", () => process.exit(0));
