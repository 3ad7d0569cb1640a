// Distinguished encoding (X.690) of the few values that certificates are made of. Writes only; checks nothing.

/** One value: tag, length, content. */
export function der(tag: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const lengthBytes =
    length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255];
  return Buffer.concat([Buffer.from([tag, ...lengthBytes]), content]);
}

export function sequence(...parts: readonly Buffer[]): Buffer {
  return der(0x30, ...parts);
}

/** `2.5.29.17`; arcs below 128 are one byte, the others several. */
export function oid(text: string): Buffer {
  const [first = 0, second = 0, ...rest] = text.split(".").map(Number);
  return der(0x06, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]));
}

/** A whole number that is not negative, most significant byte first. */
export function integer(bytes: Buffer): Buffer {
  return der(0x02, (bytes[0] ?? 0) < 128 ? bytes : Buffer.concat([Buffer.from([0]), bytes]));
}

export function utf8(text: string): Buffer {
  return der(0x0c, Buffer.from(text, "utf8"));
}

export function octets(...parts: readonly Buffer[]): Buffer {
  return der(0x04, ...parts);
}

/** Whole bytes of bits. */
export function bits(bytes: Buffer): Buffer {
  return der(0x03, Buffer.from([0]), bytes);
}

export const yes = der(0x01, Buffer.from([255]));

/** Years from 2050 on have a form of their own (RFC 5280, 4.1.2.5). */
export function time(date: Date): Buffer {
  const text = `${date.toISOString().slice(0, 19).replace(/[-:T]/g, "")}Z`;
  return date.getUTCFullYear() < 2050 ? der(0x17, Buffer.from(text.slice(2))) : der(0x18, Buffer.from(text));
}

function base128(arc: number): number[] {
  const digits = [arc & 127];
  for (let rest = arc >> 7; rest > 0; rest >>= 7) digits.unshift((rest & 127) | 128);
  return digits;
}
