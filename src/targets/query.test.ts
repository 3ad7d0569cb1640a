import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MalformedRequestError } from "./malformed-request-error.ts";
import { parseQuery, takeReserved } from "./query.ts";

describe("parseQuery()", () => {
  test("gives decoded pairs with their raw bytes", () => {
    const check = (raw: string, pairs: [name: string, value: string, raw: string][]) =>
      expect(parseQuery(raw).pairs).toEqual(pairs.map(([name, value, raw]) => ({ name, value, raw })));
    check("", []);
    check("&&&&", []);
    check("a=1", [["a", "1", "a=1"]]);
    check("a=1&&b=2&", [
      ["a", "1", "a=1"],
      ["b", "2", "b=2"],
    ]);
    check("a", [["a", "", "a"]]);
    check("a=", [["a", "", "a="]]);
    check("=a", [["", "a", "=a"]]);
    check("a==b", [["a", "=b", "a==b"]]);
    check("a=1&a=2", [
      ["a", "1", "a=1"],
      ["a", "2", "a=2"],
    ]);
    check("a%3Db=c%26d", [["a=b", "c&d", "a%3Db=c%26d"]]);
    check("selector=app+in+%28a%2Cb%29", [["selector", "app in (a,b)", "selector=app+in+%28a%2Cb%29"]]);
    check("a=%2B", [["a", "+", "a=%2B"]]);
    check("collect[]=cpu", [["collect[]", "cpu", "collect[]=cpu"]]);
    check("a=%C3%A9", [["a", "é", "a=%C3%A9"]]);
    check("a=1;b=2", [["a", "1;b=2", "a=1;b=2"]]);
    check("a=1?b=/:@", [["a", "1?b=/:@", "a=1?b=/:@"]]);
    check("__proto__=1&constructor=2", [
      ["__proto__", "1", "__proto__=1"],
      ["constructor", "2", "constructor=2"],
    ]);
    check("a=%0A", [["a", "\n", "a=%0A"]]);
    check(`a=${"x".repeat(8190)}`, [["a", "x".repeat(8190), `a=${"x".repeat(8190)}`]]);
  });

  test("refuses what is not well formed", () => {
    const check = (raw: string) => expect(() => parseQuery(raw), raw).toThrow(MalformedRequestError);
    // Escapes.
    check("a=%");
    check("a=%2");
    check("a=%zz");
    check("a=%u0041");
    check("%zz=a");
    check("a=%%31");
    // Not UTF-8: overlong, surrogates, cut short, lone continuation, beyond Unicode.
    check("a=%c0%b1");
    check("a=%c0%80");
    check("a=%e0%80%af");
    check("a=%ed%a0%80");
    check("a=%e2%82");
    check("a=%80");
    check("a=%ff");
    check("a=%f5%80%80%80");
    check("%c1%b0od=x");
    // NUL and controls.
    check("pod%00=x");
    check("a=x%00");
    check("po%0Ad=x");
    check("po%7Fd=x");
    // Raw bytes that no query has.
    check("a= b");
    check("a=\tb");
    check("a=\r\nHost: x");
    check("a=\u0000");
    check("a=é");
    check("a=\u0080");
    check("a=\u2028");
    for (const character of '"<>\\^`{|}#') check(`a=${character}`);
    // Size.
    check(`a=${"x".repeat(8191)}`);
    check("&".repeat(20_000));
  });
});

describe("takeReserved()", () => {
  const spec = { pod: "once", target_port: "once", upstreamPort: "many" } as const;
  const take = (raw: string) => takeReserved(parseQuery(raw), spec);
  const empty = { pod: undefined, target_port: undefined, upstreamPort: [] };

  test("takes the reserved parameters and leaves the others as they came", () => {
    const check = (raw: string, values: Partial<ReturnType<typeof take>["values"]>, forwarded: string) =>
      expect(take(raw), raw).toEqual({ values: { ...empty, ...values }, forwarded });
    check("", {}, "");
    check("pod=x&target_port=9000", { pod: "x", target_port: "9000" }, "");
    check("upstreamPort=1&a=1&upstreamPort=2", { upstreamPort: ["1", "2"] }, "a=1");
    check("b=%41+%2b&pod=x&a=1&a=2&&c", { pod: "x" }, "b=%41+%2b&a=1&a=2&c");
    check("collect%5B%5D=cpu&collect[]=mem", {}, "collect%5B%5D=cpu&collect[]=mem");
    check("pod=", { pod: "" }, "");
    check("pod=a%26target_port=9000", { pod: "a&target_port=9000" }, "");
    check("POD=x&pods=y&po=z&pod.x=1&pod+=2", {}, "POD=x&pods=y&po=z&pod.x=1&pod+=2");
    check("=pod", {}, "=pod");
  });

  test("hands on the literal names of param.", () => {
    const check = (raw: string, forwarded: string) =>
      expect(take(raw), raw).toEqual({ values: empty, forwarded });
    check("param.pod=x", "pod=x");
    check("param.pod[]=x&param.pod=y", "pod[]=x&pod=y");
    check("param.%70od=%41", "%70od=%41");
    check("param.param.a=1", "param.a=1");
    check("%70aram%2Epod=x", "pod=x");
    check("p%61ram.x", "x");
    check("params=1&PARAM.x=2&param=3", "params=1&PARAM.x=2&param=3");
    for (const raw of ["param.=x", "param.", "%70aram.=1"]) {
      expect(() => take(raw), raw).toThrow(MalformedRequestError);
    }
  });

  test("refuses reserved parameters that are doubled, lists, or without a value", () => {
    const check = (raw: string) => expect(() => take(raw), raw).toThrow(MalformedRequestError);
    check("pod=a&pod=b");
    check("pod=a&pod=a");
    check("pod=&pod=a");
    check("pod=a&p%6Fd=b");
    check("%70od=a&pod=b");
    check("%70%6f%64=a&%70%6F%64=b");
    check("target_port=9000&target_port=80%40evil");
    check("pod[]=a");
    check("pod%5B%5D=a");
    check("pod[0]=a");
    check("pod%5Ba%5D=x");
    check("pod[a][b]=x");
    check("pod[__proto__][x]=1");
    check("pod%5Bconstructor%5D=1");
    check("pod[=x");
    check("p%6Fd%5B=x");
    check("upstreamPort[]=9000");
    check("upstreamPort[toString]=1");
    check("pod");
    check("pod&target_port=9000");
    check("upstreamPort");
    check("p%6Fd");
  });

  test("names no parameters that a prototype has", () => {
    for (const name of ["__proto__", "constructor", "toString", "hasOwnProperty"]) {
      expect(take(`${name}=1&${name}=2&${name}[x]=3`)).toEqual({
        values: empty,
        forwarded: `${name}=1&${name}=2&${name}[x]=3`,
      });
    }
  });

  test("agrees with URLSearchParams on what well-formed queries say", () => {
    const name = fc.constantFrom("pod", "upstreamPort", "a", "b b", "é", "x&y", "");
    fc.assert(
      fc.property(fc.array(fc.tuple(name, fc.string({ unit: "grapheme" }))), (entries) => {
        fc.pre(entries.every(([, value]) => !value.includes("\u0000")));
        fc.pre(entries.filter(([name]) => name === "pod").length < 2);
        const params = new URLSearchParams(entries);
        const { values, forwarded } = take(params.toString());
        expect(values.pod ?? null).toBe(params.get("pod"));
        expect(values.upstreamPort).toEqual(params.getAll("upstreamPort"));
        params.delete("pod");
        params.delete("upstreamPort");
        expect(forwarded).toBe(params.toString());
      }),
    );
  });
});
