import { createSecureContext } from "node:tls";
import { expect, test } from "vitest";

import { cipherSuites, curves, opensslCiphers } from "./tls-names.ts";

test.for(Object.keys(cipherSuites))("OpenSSL knows %s by the name that is given to it", (name) => {
  const { ciphers } = opensslCiphers([name]);
  expect(() => createSecureContext({ ciphers })).not.toThrow();
  expect(() => createSecureContext({ ciphers: `${ciphers.split(":").at(-1)}x` })).toThrow();
});

test("OpenSSL knows the curves that every Node.js has", () => {
  const names = ["CurveP256", "CurveP384", "CurveP521", "X25519"].map((name) => curves[name]!);
  expect(() => createSecureContext({ ecdhCurve: names.join(":") })).not.toThrow();
});
