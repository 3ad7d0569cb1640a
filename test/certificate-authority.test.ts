// The certificates of tests are such that real TLS clients accept them, and refuse them where they have to.
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { connect, createServer } from "node:tls";
import { expect, test } from "vitest";

import { CertificateAuthority } from "./support/certificate-authority.ts";

/** The client's error code after a handshake with a server that presents `cert`; undefined when the client is content. */
async function handshake(server: { cert: string; key: string }, client: { ca: string; servername?: string }) {
  const listener = createServer(server).on("tlsClientError", () => undefined);
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  const { port } = listener.address() as AddressInfo;
  try {
    return await new Promise<string | undefined>((resolve) => {
      const socket = connect({ host: "127.0.0.1", port, ...client }, () => {
        socket.destroy();
        resolve(undefined);
      });
      socket.on("error", (error: NodeJS.ErrnoException) => resolve(error.code));
    });
  } finally {
    listener.close();
  }
}

const root = CertificateAuthority.create();

test("CertificateAuthority issues certificates for addresses and names that its own certificate verifies", async () => {
  const leaf = root.issue({ ips: ["127.0.0.1", "::1", "fd00::1:2"], dnsNames: ["proxy.example"] });
  expect(await handshake(leaf, { ca: root.cert })).toBeUndefined();
  expect(await handshake(leaf, { ca: root.cert, servername: "proxy.example" })).toBeUndefined();
  const { subjectAltName, subject } = new X509Certificate(leaf.cert);
  expect(subjectAltName).toBe(
    "DNS:proxy.example, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1, IP Address:FD00:0:0:0:0:0:1:2",
  );
  expect(subject).toBe("CN=proxy.example");
});

test("CertificateAuthority issues certificates that others refuse", async () => {
  const leaf = root.issue({ ips: ["127.0.0.1"] });
  expect(await handshake(leaf, { ca: CertificateAuthority.create().cert })).toMatch(
    /UNABLE_TO|SELF_SIGNED|SIGNATURE/,
  );
  const other = root.issue({ ips: ["127.0.0.2"] });
  expect(await handshake(other, { ca: root.cert })).toBe("ERR_TLS_CERT_ALTNAME_INVALID");
  const old = root.issue({ ips: ["127.0.0.1"], notAfter: new Date(Date.now() - 1000) });
  expect(await handshake(old, { ca: root.cert })).toBe("CERT_HAS_EXPIRED");
});

test("CertificateAuthority has intermediates that a client needs to verify their leaves", async () => {
  const middle = root.intermediate("middle").intermediate("lower");
  const between = root.intermediate("between");
  const leaf = between.issue({ ips: ["127.0.0.1"], name: "leaf" });
  expect(await handshake(leaf, { ca: root.cert })).toBe("UNABLE_TO_VERIFY_LEAF_SIGNATURE");
  const chain = { ...leaf, cert: leaf.cert + between.cert };
  expect(await handshake(chain, { ca: root.cert })).toBeUndefined();
  expect(new X509Certificate(middle.cert).issuer).toBe("CN=middle");
});
