import { rm } from "node:fs/promises";
import { expect, onTestFinished, test } from "vitest";

import { CertificateAuthority } from "../../test/support/certificate-authority.ts";
import { CertificateFolder } from "../../test/support/certificate-files.ts";
import { until } from "../../test/support/scrape/until.ts";
import { createLogger } from "../telemetry/logger.ts";
import { CertificateWatch } from "./certificate-watch.ts";

const root = CertificateAuthority.create();

interface Setup {
  readonly watch: CertificateWatch;
  readonly folder: CertificateFolder;
  /** Keys in the order in which they were put to use. */
  readonly applied: string[];
  /** How many were offered. */
  readonly offered: () => number;
  /** Messages of the log. */
  readonly messages: () => string[];
  readonly log: string[];
}

async function setUp(o: { refuse?: string } = {}): Promise<Setup> {
  const folder = await CertificateFolder.create();
  onTestFinished(() => folder[Symbol.asyncDispose]());
  const log: string[] = [];
  const applied: string[] = [];
  let offered = 0;
  const watch = new CertificateWatch({
    files: { keyFile: folder.key, certFile: folder.cert, caFile: undefined, passwordFile: undefined },
    apply: ({ key }) => {
      offered++;
      if (key === o.refuse) throw new Error("Cannot apply it");
      applied.push(key);
    },
    logger: createLogger({
      level: "debug",
      format: "json",
      destination: { write: (line) => void log.push(line) },
    }),
    intervalMs: 10,
  });
  onTestFinished(() => watch.stop());
  const messages = () => log.map((line) => (JSON.parse(line) as { msg: string }).msg);
  return { watch, folder, applied, offered: () => offered, messages, log };
}

const taken = "Certificate read from CERT_FILE";
const faulty = "The certificate's files cannot be used, the last good ones stay in use";
const mended = "The certificate's files can be used again";

test("CertificateWatch puts the first certificate to use, and each that replaces it", async () => {
  const { watch, folder, applied, messages } = await setUp();
  const one = root.issue({ notAfter: new Date("2045-01-01T00:00:00Z") });
  const two = root.issue({ notAfter: new Date("2046-01-01T00:00:00Z") });
  await folder.write(one);
  expect(watch.status).toBeUndefined();
  await watch.start();
  expect(applied).toEqual([one.key]);
  expect(watch.status).toEqual({
    expirySeconds: Date.parse("2045-01-01T00:00:00Z") / 1000,
    reloadSuccess: 1,
  });
  await folder.write({ key: two.key });
  await folder.write({ cert: two.cert });
  await until(() => applied.length === 2);
  expect(applied[1]).toBe(two.key);
  expect(watch.status).toEqual({
    expirySeconds: Date.parse("2046-01-01T00:00:00Z") / 1000,
    reloadSuccess: 1,
  });
  expect(messages().filter((message) => message === taken)).toHaveLength(2);
});

test("CertificateWatch keeps what it has while the files do not fit, and says so once", async () => {
  const { watch, folder, applied, messages, log } = await setUp();
  const one = root.issue({});
  const two = root.issue({});
  await folder.write(one);
  await watch.start();
  await folder.write({ key: two.key });
  await until(() => watch.status?.reloadSuccess === 0);
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(applied).toEqual([one.key]);
  expect(messages()).toEqual([taken, faulty]);
  expect(log[1]).toContain("is not the key of the first certificate");
  expect(log.join("")).not.toContain("PRIVATE");

  await rm(folder.key);
  await until(() => messages().length === 3);
  expect(log[2]).toContain("ENOENT");
  await folder.write({ key: one.key });
  await until(() => watch.status?.reloadSuccess === 1);
  expect(messages()).toEqual([taken, faulty, faulty, mended]);
  expect(applied).toEqual([one.key]);
});

test("CertificateWatch counts what its user refuses as a fault, and does not offer it again", async () => {
  const two = root.issue({});
  const { watch, folder, applied, offered } = await setUp({ refuse: two.key });
  await folder.write(root.issue({}));
  await watch.start();
  await folder.write(two);
  await until(() => watch.status?.reloadSuccess === 0);
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(offered()).toBe(2);
  await folder.write(root.issue({}));
  await until(() => watch.status?.reloadSuccess === 1);
  expect(applied).toHaveLength(2);
});

test("CertificateWatch does not start without a good certificate", async () => {
  const { watch, folder } = await setUp();
  await expect(watch.start()).rejects.toThrow("Cannot read CERT_KEY_FILE");
  await folder.write({ key: root.issue({}).key, cert: root.issue({}).cert });
  await expect(watch.start()).rejects.toThrow("not the key");
  expect(watch.status).toBeUndefined();
});

test("CertificateWatch warns of a certificate that has expired, and uses it", async () => {
  const { watch, folder, applied, messages, log } = await setUp();
  await folder.write(root.issue({ name: "old", notAfter: new Date(Date.now() - 1000) }));
  await watch.start();
  expect(applied).toHaveLength(1);
  expect(messages()).toEqual([taken, "Clients will refuse the certificate in CERT_FILE"]);
  expect(log[1]).toContain("expired at");
});
