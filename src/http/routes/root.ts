// `GET /`: says what answers here. Probes of the original use it.
import type { FastifyInstance } from "fastify";

export function addRootRoute(app: FastifyInstance, o: { version: string }): void {
  const body = { message: "kubernetes prometheus proxy", version: o.version };
  app.get("/", () => body);
}
