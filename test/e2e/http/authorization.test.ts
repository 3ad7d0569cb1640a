// The caller's Authorization: nobody else's business, unless FORWARD_AUTHORIZATION says so.
import { afterAll, beforeAll, expect, test } from "vitest";

import { answers, FakePods } from "../../support/http/fake-pods.ts";
import { request } from "../../support/http/http-client.ts";
import { type RunningApp, startApp } from "../../support/http/start-app.ts";

const credential = "Bearer of-the-caller";
const wanting = answers("private_demo 1\n");

let pods: FakePods;
beforeAll(async () => {
  pods = await FakePods.start([
    {
      name: "wants",
      http: (message, response) => {
        if (message.headers.authorization === credential) wanting(message, response);
        else response.writeHead(401, { "www-authenticate": "Bearer" }).end("no");
      },
    },
    { name: "plain", http: answers("plain_demo 1\n") },
  ]);
});
afterAll(() => pods.stop());

const all = (name: string) => `/mproxy/team-a/${name}/metrics?upstreamPort=${pods.port}`;
const one = (name: string) => `/kubesd/metrics?pod=${pods.get(name).ip}&target_port=${pods.port}`;

async function withApp(env: Record<string, string>, use: (app: RunningApp) => Promise<void>): Promise<void> {
  const app = await startApp({ PODS_FILE: pods.file, ...env });
  try {
    await use(app);
    expect(JSON.stringify(app.log)).not.toContain("of-the-caller");
  } finally {
    await app.stop();
  }
}

const get = ({ origin }: RunningApp, path: string, authorization = credential) =>
  request(origin, path, { headers: { authorization } });
const seen = (name: string) =>
  pods
    .get(name)
    .requests.flatMap(({ headers }) =>
      headers.filter((_, i, list) => list[i - 1]?.toLowerCase() === "authorization"),
    );

test("by default no pod sees it, and one that wants it is told of by the setting's name", async () => {
  await withApp({}, async (app) => {
    const merged = await get(app, all("wants"));
    expect([merged.status, merged.text]).toEqual([
      502,
      "Cannot scrape the pod: bad_status 1 (the pod answered 401; the caller's Authorization is passed on with " +
        "FORWARD_AUTHORIZATION=true only)\n",
    ]);
    const single = await get(app, one("wants"));
    expect([single.status, single.text]).toEqual([401, "no"]);
    expect(app.log.filter(({ msg }) => String(msg).includes("FORWARD_AUTHORIZATION=true only"))).toHaveLength(
      1,
    );
    for (const path of [all("plain"), one("plain")]) expect((await get(app, path)).status).toBe(200);
    expect([...seen("wants"), ...seen("plain")]).toEqual([]);
  });
});

test("with FORWARD_AUTHORIZATION=true every pod that is scraped sees it, and it is a loose setting", async () => {
  await withApp({ FORWARD_AUTHORIZATION: "true" }, async (app) => {
    for (const path of [all("wants"), one("wants"), all("plain"), one("plain")]) {
      expect((await get(app, path)).status, path).toBe(200);
    }
    expect([...seen("wants"), ...seen("plain")]).toEqual(Array.from({ length: 4 }, () => credential));
    // Bytes that were none of a credential's are not sent on.
    expect((await get(app, all("wants"), "Bearer \u00e9")).status).toBe(502);
    expect(seen("wants")).toHaveLength(2);
    // And one caller's does not stay with the connection.
    expect((await request(app.origin, one("wants"))).status).toBe(401);
  });
});
