import { expect, test } from "vitest";

import { HttpError } from "../http-error.ts";
import { Authenticator, type AuthenticatorOptions, type BasicVerifier } from "./authenticator.ts";
import { type Caller, unrestrictedCaller } from "./caller.ts";

const teamA: Caller = { name: "a", seesAll: false, visible: () => Promise.resolve([]) };
const none = { basic: undefined, tokens: undefined, kubernetes: undefined };
const tokens = { has: (token: string) => token === "of-file" };
const kubernetes = {
  identify: (token: string) => Promise.resolve(token === "of-kubernetes" ? teamA : undefined),
};
const basic: BasicVerifier = {
  isRequired: true,
  verify: (user, password) =>
    Promise.resolve(user === "busy" ? "busy" : user === "ann" && password === "secret"),
};

const asBasic = (text: string) => `Basic ${Buffer.from(text).toString("base64")}`;

/** The caller, or what the refusal says. */
async function identify(options: Partial<AuthenticatorOptions>, authorization?: string) {
  const authenticator = new Authenticator({ ...none, ...options });
  const headers = authorization === undefined ? [] : ["Authorization", authorization];
  try {
    return await authenticator.identify(headers);
  } catch (error) {
    const { status, message, options: o } = error as HttpError;
    expect(message).not.toMatch(/secret|of-file|wrong/);
    return [status, o.authenticationFailure, o.authenticate, message];
  }
}

test("without any way everybody is let in, whatever he sends", async () => {
  expect(new Authenticator(none).isOpen).toBe(true);
  for (const header of [undefined, "Bearer x", "nonsense"]) {
    expect(await identify({}, header)).toBe(unrestrictedCaller);
  }
});

test("passwords are asked for as soon as there are users, and not before", async () => {
  const users = { ...basic, isRequired: false };
  const authenticator = new Authenticator({ ...none, basic: users });
  expect([authenticator.isOpen, await authenticator.identify([])]).toEqual([true, unrestrictedCaller]);
  expect(await identify({ basic: users, tokens }, asBasic("ann:secret"))).toEqual([
    401,
    "unusable_credentials",
    'Bearer realm="k8s-prometheus-proxy"',
    "Cannot authenticate the caller: its credentials are of no kind that is taken (BEARER_TOKENS_FILE)",
  ]);
  users.isRequired = true;
  expect(authenticator.isOpen).toBe(false);
  await expect(authenticator.identify([])).rejects.toMatchObject({ status: 401 });
});

test("any way that is configured lets its callers in, and those of another nobody", async () => {
  const all = { basic, tokens, kubernetes };
  expect(await identify(all, "Bearer of-file")).toBe(unrestrictedCaller);
  expect(await identify(all, "Bearer of-kubernetes")).toBe(teamA);
  expect(await identify(all, asBasic("ann:secret"))).toBe(unrestrictedCaller);
  expect(await identify({ tokens }, "Bearer of-kubernetes")).toContain(401);
  expect(await identify({ kubernetes }, "Bearer of-file")).toContain(401);
  expect(await identify({ tokens, kubernetes }, asBasic("ann:secret"))).toContain(401);
});

const bearerWay = 'Bearer realm="k8s-prometheus-proxy"';
const basicWay = 'Basic realm="k8s-prometheus-proxy", charset="UTF-8"';
const text = "Cannot authenticate the caller:";

test.for([
  [
    { tokens },
    undefined,
    [401, "no_credentials", bearerWay, `${text} it sends no credentials (BEARER_TOKENS_FILE)`],
  ],
  [
    { tokens, kubernetes },
    "Bearer wrong",
    [
      401,
      "wrong_credentials",
      bearerWay,
      `${text} its credentials are not accepted (BEARER_TOKENS_FILE or KUBERNETES_AUTH)`,
    ],
  ],
  [
    { basic, kubernetes },
    asBasic("ann:wrong"),
    [
      401,
      "wrong_credentials",
      `${basicWay}, ${bearerWay}`,
      `${text} its credentials are not accepted (WEB_CONFIG_FILE or KUBERNETES_AUTH)`,
    ],
  ],
  [
    { basic },
    "Bearer wrong",
    [
      401,
      "unusable_credentials",
      basicWay,
      `${text} its credentials are of no kind that is taken (WEB_CONFIG_FILE)`,
    ],
  ],
  [
    { tokens },
    "Digest x",
    [
      401,
      "unusable_credentials",
      bearerWay,
      `${text} its credentials are of no kind that is taken (BEARER_TOKENS_FILE)`,
    ],
  ],
  [
    { basic },
    asBasic("busy:secret"),
    [
      503,
      "busy",
      undefined,
      "Cannot authenticate now: too many callers are being verified (WEB_CONFIG_FILE)",
    ],
  ],
] as [Partial<AuthenticatorOptions>, string | undefined, unknown[]][])(
  "with %j, %j is refused: %j",
  async ([options, header, expected]) => {
    expect(await identify(options, header)).toEqual(expected);
  },
);

test("a token of the file is not shown to the API server, and one that it cannot judge is no wrong one", async () => {
  const asked: string[] = [];
  const away = {
    identify: (token: string) => {
      asked.push(token);
      return Promise.reject(new HttpError(503, "away"));
    },
  };
  expect(await identify({ tokens, kubernetes: away }, "Bearer of-file")).toBe(unrestrictedCaller);
  expect(asked).toEqual([]);
  expect(await identify({ tokens, kubernetes: away }, "Bearer other")).toContain(503);
});
