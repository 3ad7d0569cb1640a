// Finds a free port for a server that must keep it over restarts. It lies below the ports that the system gives to clients
// (from 32768): while the server is away, a client that dials an address of that range again and again is in the end
// given that very port as its own, and talks to itself.

import { randomInt } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";

const first = 20_000;
const last = 30_000;
const attempts = 100;

export async function findFixedPort(): Promise<number> {
  for (let attempt = 0; attempt < attempts; attempt++) {
    const port = randomInt(first, last);
    const server = createServer().listen(port, "127.0.0.1");
    try {
      await once(server, "listening");
    } catch {
      continue;
    }
    server.close();
    await once(server, "close");
    return port;
  }
  throw new Error(`Cannot find a free port: ${attempts} tries between ${first} and ${last}`);
}
