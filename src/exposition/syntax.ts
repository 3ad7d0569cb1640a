/**
 * Bytes and character classes of the Prometheus text format 0.0.4, as Prometheus' own lexer sees them
 * (model/textparse/promlex.l). Classes are tables indexed by byte, because the tokenizer asks once per byte.
 */

export const NUL = 0x00;
export const TAB = 0x09;
export const LF = 0x0a;
export const SPACE = 0x20;
export const QUOTE = 0x22;
export const HASH = 0x23;
export const PLUS = 0x2b;
export const COMMA = 0x2c;
export const MINUS = 0x2d;
export const DOT = 0x2e;
export const ZERO = 0x30;
export const NINE = 0x39;
export const EQUALS = 0x3d;
export const UPPER_E = 0x45;
export const BACKSLASH = 0x5c;
export const LOWER_E = 0x65;
export const LOWER_N = 0x6e;
export const BRACE_OPEN = 0x7b;
export const BRACE_CLOSE = 0x7d;

function classOf(characters: RegExp): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, byte) => (characters.test(String.fromCharCode(byte)) ? 1 : 0));
}

/** First byte of an unquoted metric name. */
export const NAME_START = classOf(/[a-zA-Z_:]/);
/** Later bytes of an unquoted metric name. */
export const NAME_PART = classOf(/[a-zA-Z0-9_:]/);
/** First byte of an unquoted label name. */
export const LABEL_START = classOf(/[a-zA-Z_]/);
/** Later bytes of an unquoted label name. */
export const LABEL_PART = classOf(/[a-zA-Z0-9_]/);
/** Bytes at which the walk through a quoted label value has to look closer. */
export const VALUE_STOP = classOf(/["\\\n]/);

/** Whether a word stands at a position of the bytes. */
export function standsAt(bytes: Uint8Array, start: number, word: Uint8Array): boolean {
  for (let i = 0; i < word.length; i++) if (bytes[start + i] !== word[i]) return false;
  return true;
}

const legacyMetricName = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const legacyLabelName = /^[a-zA-Z_][a-zA-Z0-9_]*$/;

/** Whether a metric name can stand without quotes, outside the braces. */
export function isLegacyMetricName(name: string): boolean {
  return legacyMetricName.test(name);
}

/** Whether a label name can stand without quotes. */
export function isLegacyLabelName(name: string): boolean {
  return legacyLabelName.test(name);
}
