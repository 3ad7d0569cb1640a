// Which connections go when nearly all places of a listener are taken.
import type { IncomingMessage, Server } from "node:http";
import type { Socket } from "node:net";

import { peerOf } from "./tls-connections.ts";

/**
 * Who keeps connections and asks nothing must not keep others out; who asks again connects again. Node counts a connection from
 * which no request has come yet among those that ask, and leaves it for as long as a head may take. Of these the oldest has to
 * go: an honest client is not among them for long.
 */
export function makeRoomWhenFull(server: Server): void {
  let open = 0;
  /** By the address of the peer, the oldest first. Under TLS a request comes on another socket than the connection. */
  const silent = new Map<string, Socket>();
  server.on("connection", (socket: Socket) => {
    const peer = peerOf(socket);
    open++;
    silent.set(peer, socket);
    socket.once("close", () => {
      open--;
      if (silent.get(peer) === socket) silent.delete(peer);
    });
    if (open <= server.maxConnections * 0.9) return;
    server.closeIdleConnections();
    const [oldest] = silent.values();
    if (oldest !== socket) oldest?.destroy();
  });
  const hasAsked = ({ socket }: IncomingMessage) => silent.delete(peerOf(socket));
  server.on("request", hasAsked);
}
