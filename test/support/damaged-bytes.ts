/** Bytes taken out, changed or put into bodies, for fast-check. Knows no format: what is put in is the caller's choice. */
import * as fc from "fast-check";

interface Edit {
  /** Share of the body before it. */
  readonly place: number;
  readonly remove: number;
  readonly insert: Uint8Array;
}

/** Texts of one byte a character. */
export const toSnippets = (texts: readonly string[]): Buffer[] =>
  texts.map((text) => Buffer.from(text, "latin1"));

/** The bodies with one or more edits. Many are still valid. */
export function damage(
  bodies: fc.Arbitrary<string | Uint8Array>,
  snippets: readonly Uint8Array[],
  maxEdits = 2,
): fc.Arbitrary<Buffer> {
  const edit: fc.Arbitrary<Edit> = fc.record({
    place: fc.noBias(fc.double({ min: 0, max: 1, noNaN: true })),
    remove: fc.constantFrom(0, 0, 0, 1, 2),
    insert: fc.oneof(
      { weight: 4, arbitrary: fc.constantFrom(...snippets) },
      { weight: 1, arbitrary: fc.constant(Buffer.alloc(0)) },
      { weight: 1, arbitrary: fc.uint8Array({ maxLength: 3 }) },
    ),
  });
  return fc
    .tuple(bodies, fc.array(edit, { minLength: 1, maxLength: maxEdits }))
    .map(([body, edits]) => edits.reduce(apply, Buffer.from(body as Uint8Array)));
}

function apply(bytes: Buffer, { place, remove, insert }: Edit): Buffer {
  const at = Math.floor(place * bytes.length);
  return Buffer.concat([bytes.subarray(0, at), insert, bytes.subarray(at + remove)]);
}
