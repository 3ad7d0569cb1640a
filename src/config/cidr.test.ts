import { expect, test } from "vitest";
import { parseCidr } from "./cidr.ts";

test.for([
  ["10.244.0.0/16", "10.244.0.0/16", false],
  ["10.244.0.5/16", "10.244.0.0/16", true],
  ["10.244.255.255/31", "10.244.255.254/31", true],
  ["0.0.0.0/0", "0.0.0.0/0", false],
  ["255.255.255.255/0", "0.0.0.0/0", true],
  ["10.1.2.3/32", "10.1.2.3/32", false],
  ["10.1.2.3", "10.1.2.3/32", false],
  ["fd00::/8", "fd00::/8", false],
  ["FD00:0:0:0:0:0:0:0/8", "fd00::/8", false],
  ["fd00:10:244::1/56", "fd00:10:244::/56", true],
  ["2001:db8:0:1:0:0:0:0/64", "2001:db8:0:1::/64", false],
  ["::1", "::1/128", false],
  ["::/0", "::/0", false],
] as const)("parseCidr() takes %s as %s", ([given, text, hostBits]) => {
  expect(parseCidr(given)).toEqual({ text, hostBits });
});

test.for([
  ["", "is not an IP address"],
  ["10/8", "is not an IP address"],
  ["10.0.0/8", "is not an IP address"],
  ["010.0.0.0/8", "is not an IP address"],
  ["0x0a.0.0.0/8", "is not an IP address"],
  ["167772160/8", "is not an IP address"],
  ["256.0.0.0/8", "is not an IP address"],
  [" 10.0.0.0/8", "is not an IP address"],
  ["１０.0.0.0/8", "is not an IP address"],
  ["localhost/8", "is not an IP address"],
  ["[fd00::]/8", "is not an IP address"],
  ["10.244.0.0/", "from 0 to 32"],
  ["10.244.0.0/33", "from 0 to 32"],
  ["10.244.0.0/99", "from 0 to 32"],
  ["10.244.0.0/-1", "from 0 to 32"],
  ["10.244.0.0/016", "from 0 to 32"],
  ["10.244.0.0/0x10", "from 0 to 32"],
  ["10.244.0.0/16/16", "from 0 to 32"],
  ["10.244.0.0/255.255.0.0", "from 0 to 32"],
  ["10.244.0.0/ 16", "from 0 to 32"],
  ["fd00::/129", "from 0 to 128"],
  ["fe80::%eth0/64", "zone"],
  ["fe80::/64%eth0", "from 0 to 128"],
  ["::ffff:10.244.0.0/112", "IPv4 form"],
  ["::ffff:af4:0/112", "IPv4 form"],
] as const)("parseCidr() refuses %j", ([given, reason]) => {
  expect(parseCidr(given)).toEqual({ reason: expect.stringContaining(reason) });
});
