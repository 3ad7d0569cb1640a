import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { IpRanges, parseIpLiteral, specialUse } from "./ip-ranges.ts";

describe("parseIpLiteral()", () => {
  test("accepts the canonical spelling of an address", () => {
    const check = (text: string) => expect(parseIpLiteral(text)).toBe(text);
    check("10.244.0.11");
    check("0.0.0.0");
    check("255.255.255.255");
    check("::");
    check("::1");
    check("fd00:10:244::11");
    check("2001:db8:0:1:1:1:1:1");
    check("2001:db8::1:0:0:1");
    check("64:ff9b::a9fe:a9fe");
    check("1:2:3:4:5:6:7:8");
  });

  test("refuses every other spelling", () => {
    const check = (text: string) => expect(parseIpLiteral(text), JSON.stringify(text)).toBeUndefined();
    // One number for all octets: decimal, hex, octal, beyond 32 bits.
    check("2130706433");
    check("183762955");
    check("0x7f000001");
    check("0X0AF4000B");
    check("017700000001");
    check("01276200013");
    check("4462730251");
    check("0");
    check("-1");
    // Hex and octal octets, leading zeros, mixed.
    check("0x7f.0x0.0x0.0x1");
    check("0177.0.0.01");
    check("010.0.0.1");
    check("10.244.0.011");
    check("10.0364.0.11");
    check("10.244.00.11");
    check("0x0a.244.0.11");
    // Too few and too many parts, octets that overflow, signs, floats.
    check("127.1");
    check("10.244.11");
    check("10.16000011");
    check("10.244.0");
    check("10.244.0.11.1");
    check("10.244.0.256");
    check("10.244.0.999");
    check("10.244.0.+11");
    check("10.244.0.-11");
    check("1e1.244.0.11");
    // Dots.
    check("10.244.0.11.");
    check("10.244.0.11..");
    check(".10.244.0.11");
    check("10..244.0.11");
    check("fd00::11.");
    // Blanks and control characters.
    check("");
    check(" ");
    check(" 10.244.0.11");
    check("10.244.0.11 ");
    check("10.244.0.11\t");
    check("10.244.0.11\n");
    check("10.244.0.11\r\nHost: x");
    check("\u000010.244.0.11");
    check("10.244.0.11\u0000");
    check("10.244.0.11\u0000.example.test");
    check("10.244.\u00000.11");
    check("fd00::11\u0000");
    check("fd00::11 ");
    // What other parts of a URL look like.
    check("10.244.0.11:9000");
    check("user@10.244.0.11");
    check("10.244.0.11@192.0.2.1");
    check("10.244.0.11/");
    check("10.244.0.11/24");
    check("10.244.0.11?x");
    check("10.244.0.11#x");
    check("10.244.0.11\\x");
    check("10.244.0.11;x");
    check("//10.244.0.11");
    check("http://10.244.0.11");
    check("10.244.0.11,10.244.0.12");
    check("10.244.0.11%2f");
    check("%31%30.244.0.11");
    check("10.244.0.*");
    // Names.
    check("localhost");
    check("pod.example.test");
    check("10.244.0.11.example.test");
    check("undefined");
    check("null");
    check("-");
    check("*");
    check("a".repeat(5000));
    check("1".repeat(5000));
    check(":".repeat(5000));
    // Digits, dots and letters of other scripts, invisible characters.
    check("１０.244.0.11");
    check("١٠.244.0.11");
    check("①⓪.244.0.11");
    check("10。244。0。11");
    check("10．244．0．11");
    check("10.244.0.11\u200b");
    check("\ufeff10.244.0.11");
    check("10.244.0.11\u2028");
    check("ｆd00::11");
    // IPv6: case, zeros, compression, length.
    check("FD00:10:244::11");
    check("fd00:0010:0244::0011");
    check("fd00:10:244:0:0:0:0:11");
    check("fd00:10:244:0::11");
    check("2001:db8::1:1:1:1:1");
    check("2001:db8:0:0:1::1");
    check("0:0:0:0:0:0:0:1");
    check("0::1");
    check("::1:2:3:4:5:6:7:8");
    check("1:2:3:4:5:6:7:8:9");
    check("1:2:3:4:5:6:7");
    check("1::2::3");
    check(":::");
    check("fd00::1g");
    check("fd00::12345");
    check(":1:2:3:4:5:6:7");
    check("1:2:3:4:5:6:7::");
    // Brackets, zones, ports.
    check("[fd00:10:244::11]");
    check("[fd00:10:244::11]:9000");
    check("fd00:10:244::11]");
    check("[10.244.0.11]");
    check("fe80::1%eth0");
    check("fe80::1%1");
    check("fd00::11%");
    check("fd00::11%25eth0");
    check("fd00::11/64");
    // IPv4 inside IPv6.
    check("::ffff:10.244.0.11");
    check("::FFFF:10.244.0.11");
    check("::ffff:af4:b");
    check("::ffff:0:0");
    check("0:0:0:0:0:ffff:10.244.0.11");
    check("::10.244.0.11");
    check("::127.0.0.1");
    check("64:ff9b::10.244.0.11");
    check("fd00::10.244.0.11");
  });

  test("accepts exactly the texts that the WHATWG URL parser writes back unchanged", () => {
    const hostOf = (host: string): string | undefined => {
      const url = URL.parse(`http://${host}/`);
      return url?.hostname;
    };
    const v4Like = fc.oneof(fc.ipV4(), fc.ipV4Extended());
    fc.assert(
      fc.property(v4Like, (text) => {
        expect(parseIpLiteral(text)).toBe(hostOf(text) === text ? text : undefined);
      }),
    );
    const groups = fc.array(fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 0xffff })), {
      minLength: 8,
      maxLength: 8,
    });
    const v6Like = fc.oneof(
      fc.ipV6(),
      groups.map((list) => list.map((group) => group.toString(16)).join(":")),
      groups.map((list) => hostOf(`[${list.map((group) => group.toString(16)).join(":")}]`)!.slice(1, -1)),
    );
    fc.assert(
      fc.property(v6Like, (text) => {
        const canonical = hostOf(`[${text}]`) === `[${text}]` && !/^::ffff:[0-9a-f]+:[0-9a-f]+$/.test(text);
        expect(parseIpLiteral(text)).toBe(canonical ? text : undefined);
      }),
      { numRuns: 500 },
    );
  });
});

describe("IpRanges.parse()", () => {
  test("refuses what is not a range, and quotes it", () => {
    const check = (text: string) =>
      expect(() => IpRanges.parse(["10.0.0.0/8", text])).toThrow(/CIDR_WHITELIST/);
    check("");
    check(" ");
    check(" 10.244.0.0/16");
    check("10.244.0.0/16 ");
    check("10.244.0.0/");
    check("/16");
    check("10.244.0.0/33");
    check("10.244.0.0/99");
    check("10.244.0.0/-1");
    check("10.244.0.0/+16");
    check("10.244.0.0/016");
    check("10.244.0.0/0x10");
    check("10.244.0.0/1e1");
    check("10.244.0.0/16.0");
    check("10.244.0.0/255.255.0.0");
    check("10.244.0.0//16");
    check("10.244.0.0/16/16");
    check("10/8");
    check("10.244/16");
    check("0x0a.0.0.0/8");
    check("012.0.0.0/8");
    check("167772160/8");
    check("not-a-cidr");
    check("10.244.0.0-10.244.0.255");
    check("10.244.0.*");
    check("fd00::/129");
    check("fd00:::/64");
    check("[fd00::]/64");
    check("fe80::%eth0/64");
    check("::ffff:10.244.0.0/112");
    check("::ffff:af4:0/112");
    check("１０.0.0.0/8");
    check("10.0.0.0/8\n");
    expect(() => IpRanges.parse(["10.0.0.0/33"])).toThrow(
      'Cannot read CIDR "10.0.0.0/33" of CIDR_WHITELIST: more than 32 bits',
    );
  });
});

describe("IpRanges.allows()", () => {
  const check = (cidrs: string[], ip: string, expected: boolean) =>
    expect(IpRanges.parse(cidrs).allows(ip), `${ip} in ${cidrs.join()}`).toBe(expected);

  test("allows the addresses of its ranges", () => {
    check(["10.244.0.0/16"], "10.244.0.0", true);
    check(["10.244.0.0/16"], "10.244.255.255", true);
    check(["10.244.0.0/16"], "10.243.255.255", false);
    check(["10.244.0.0/16"], "10.245.0.0", false);
    check(["10.244.0.7/16"], "10.244.9.9", true);
    check(["192.0.2.1"], "192.0.2.1", true);
    check(["192.0.2.1"], "192.0.2.2", false);
    check(["10.244.0.0/16", "fd00:10:244::/64"], "fd00:10:244::11", true);
    check(["10.244.0.0/16", "fd00:10:244::/64"], "fd00:10:244:1::11", false);
    check(["FD00:10:244::/64"], "fd00:10:244::11", true);
    check([], "10.244.0.11", false);
  });

  test("keeps the families apart", () => {
    check(["0.0.0.0/0"], "2001:db8::1", false);
    check(["::/0"], "192.0.2.1", false);
    check(["::/0"], "2001:db8::1", true);
    check(["0.0.0.0/0"], "192.0.2.1", true);
  });

  test("refuses text that is not canonical", () => {
    check(["0.0.0.0/0", "::/0"], "010.0.0.1", false);
    check(["0.0.0.0/0", "::/0"], "::ffff:10.244.0.11", false);
    check(["0.0.0.0/0", "::/0"], "2001:DB8::1", false);
    check(["0.0.0.0/0", "::/0"], "fe80::1%1", false);
    check(["0.0.0.0/0", "::/0"], "localhost", false);
    check(["0.0.0.0/0", "::/0"], "", false);
  });

  test("refuses addresses of special use unless a range lies wholly inside that use", () => {
    const everything = ["0.0.0.0/0", "::/0"];
    for (const [ip, own, use] of [
      ["127.0.0.1", "127.0.0.0/8", "loopback"],
      ["127.255.255.254", "127.255.0.0/16", "loopback"],
      ["169.254.169.254", "169.254.0.0/16", "link-local"],
      ["224.0.0.1", "224.0.0.0/24", "multicast"],
      ["239.255.255.255", "239.255.255.255", "multicast"],
      ["255.255.255.255", "255.255.255.255/32", "broadcast"],
      ["0.0.0.0", "0.0.0.0/32", "unspecified"],
      ["0.0.0.1", "0.0.0.0/8", "unspecified"],
      ["100.100.100.200", "100.100.100.200", "cloud metadata"],
      ["168.63.129.16", "168.63.129.16", "cloud metadata"],
      ["192.0.0.192", "192.0.0.192", "cloud metadata"],
      ["fd00:ec2::254", "fd00:ec2::254", "cloud metadata"],
      ["::", "::/128", "unspecified"],
      ["::1", "::1/128", "loopback"],
      ["::7f00:1", "::7f00:0/104", "IPv4-compatible"],
      ["::ffff:0:a9fe:a9fe", "::ffff:0:a9fe:0/112", "IPv4-translated"],
      ["64:ff9b::a9fe:a9fe", "64:ff9b::/96", "NAT64"],
      ["64:ff9b:1::a9fe:a9fe", "64:ff9b:1::/48", "NAT64"],
      ["2001:0:4136:e378:8000:63bf:f50b:fff4", "2001::/32", "Teredo"],
      ["2002:a9fe:a9fe::1", "2002:a9fe:a9fe::/48", "6to4"],
      ["fe80::1", "fe80::/10", "link-local"],
      ["febf::1", "febf::/16", "link-local"],
      ["ff02::1", "ff00::/8", "multicast"],
    ] as const) {
      expect(specialUse(ip), ip).toBe(use);
      check(everything, ip, false);
      check([own], ip, true);
      check([...everything, own], ip, true);
    }
    check(["127.0.0.0/7"], "127.0.0.1", false);
    check(["::/96"], "::1", false);
    check(["0.0.0.0/0", "127.0.0.1"], "127.0.0.2", false);
    check(["fd00::/8"], "fd00:ec2::254", false);
    expect(specialUse("10.244.0.11")).toBeUndefined();
    expect(specialUse("fd00:10:244::11")).toBeUndefined();
  });

  test("agrees with arithmetic on whole numbers", () => {
    const v4 = fc.array(fc.integer({ min: 0, max: 255 }), { minLength: 4, maxLength: 4 });
    const v6 = fc.array(fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 0xffff })), {
      minLength: 8,
      maxLength: 8,
    });
    const numberOf = (parts: number[], width: bigint) =>
      parts.reduce((number, part) => (number << width) | BigInt(part), 0n);
    const format4 = (number: bigint) => [24n, 16n, 8n, 0n].map((shift) => (number >> shift) & 255n).join(".");
    const format6 = (number: bigint) =>
      URL.parse(
        `http://[${[7n, 6n, 5n, 4n, 3n, 2n, 1n, 0n].map((at) => ((number >> (at * 16n)) & 0xffffn).toString(16)).join(":")}]/`,
      )!.hostname.slice(1, -1);
    const family = fc.oneof(
      v4.map((parts) => ({ bits: 32, network: numberOf(parts, 8n), format: format4 })),
      v6.map((parts) => ({ bits: 128, network: numberOf(parts, 16n), format: format6 })),
    );
    let inside = 0;
    fc.assert(
      fc.property(
        family,
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.bigInt({ min: 0n, max: 2n ** 128n - 1n }),
        fc.boolean(),
        ({ bits, network, format }, prefixShare, noise, near) => {
          const prefix = Math.round(prefixShare * bits);
          const shift = BigInt(bits - prefix);
          const all = (1n << BigInt(bits)) - 1n;
          // Near: only bits behind the prefix, and the last one of the prefix, may differ from the network's.
          const address = (near ? network ^ (noise & ((1n << (shift + 1n)) - 1n)) : noise) & all;
          const ip = format(address);
          fc.pre(parseIpLiteral(ip) !== undefined && specialUse(ip) === undefined);
          const ofMapped = bits === 128 && network >> 32n === 0xffffn;
          fc.pre(!ofMapped);
          const expected = address >> shift === network >> shift;
          if (expected) inside += 1;
          check([`${format(network)}/${prefix}`], ip, expected);
        },
      ),
      { numRuns: 2000 },
    );
    expect(inside).toBeGreaterThan(100);
  });
});
