import { X509Certificate } from "node:crypto";
import { expect, test } from "vitest";

import { CertificateAuthority } from "../../test/support/certificate-authority.ts";
import { alternativeNames } from "./alternative-names.ts";

const root = CertificateAuthority.create();
const namesOf = (o: Parameters<typeof root.issue>[0]) =>
  alternativeNames(new X509Certificate(root.issue(o).cert));

test("alternativeNames() has the names of each kind as Go writes them, and not the subject", () => {
  const names = namesOf({
    name: "subject.example",
    dnsNames: ["a.example", "*.B.example"],
    ips: ["10.0.0.1", "2001:DB8:0:0:0:0:0:1", "0:0:0:0:0:ffff:102:304"],
    uris: ["spiffe://cluster.local/ns/monitoring/sa/prometheus"],
    emails: ["prometheus@monitoring.example"],
  });
  expect(names).toEqual([
    "a.example",
    "*.B.example",
    "10.0.0.1",
    "2001:db8::1",
    "1.2.3.4",
    "spiffe://cluster.local/ns/monitoring/sa/prometheus",
    "prometheus@monitoring.example",
  ]);
  expect(namesOf({ name: "subject.example" })).toEqual([]);
});

test.for([
  "a.example, DNS:prometheus.example",
  'a", DNS:prometheus.example',
  "a\n, DNS:prometheus.example",
  "a\\, DNS:prometheus.example",
])("a name cannot pretend to be several: %j", (name) => {
  expect(namesOf({ dnsNames: [name] })).not.toContain("prometheus.example");
  expect(namesOf({ uris: [name] })).not.toContain("prometheus.example");
});

test.for([
  ["", []],
  ["DNS:a, Registered ID:1.2.3, othername:<unsupported>, DNS:b", ["a", "b"]],
  ['DNS:"a, b", email:c', ["a, b", "c"]],
  ["IP Address:<invalid>, DNS:a", ["a"]],
  // Text that cannot be read gives no name at all.
  ["DNS:a, b", []],
  ["DNS:a, ", ["a"]],
  ['DNS:"a', []],
  ['DNS:"\\x", DNS:a', []],
  ["a", []],
  [undefined, []],
] as [string | undefined, string[]][])("alternativeNames() reads %j as %j", ([subjectAltName, expected]) => {
  expect(alternativeNames({ subjectAltName })).toEqual(expected);
});
