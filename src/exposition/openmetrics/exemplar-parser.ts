/**
 * The labels of an exemplar. Whether an exemplar is worth keeping (its length, its series) is decided where it is stored, and
 * costs nobody a scrape; only what some reader would refuse with the whole answer is noted here.
 */
import { isUtf8 } from "node:buffer";
import type { Fail } from "../label-group.ts";
import { MAX_LABELS } from "../limits.ts";
import { BACKSLASH, BRACE_CLOSE, COMMA, EQUALS, LABEL_PART, LABEL_START, LF, NUL, QUOTE } from "../syntax.ts";

export class ExemplarParser {
  /** Of the exemplar parsed last: a label name of it is quoted. Prometheus 2 knows none. */
  hasQuotedName = false;
  /** A comma stands before its closing brace. Prometheus 3 takes it; nobody else does. */
  hasTrailingComma = false;
  /** Every byte of the block is valid UTF-8, so that no string needs to be looked at. Set once a block. */
  allUtf8 = false;
  readonly #fail: Fail;

  constructor(fail: Fail) {
    this.#fail = fail;
  }

  /** From the `{` of an exemplar to the position after its `}`. Throws what `fail` makes. */
  skip(block: Buffer, open: number): number {
    const fail = this.#fail;
    this.hasQuotedName = false;
    this.hasTrailingComma = false;
    let pos = open + 1;
    for (let count = 1; block[pos] !== BRACE_CLOSE; count++) {
      if (count > MAX_LABELS) throw fail(`more than ${MAX_LABELS} labels of an exemplar`, pos);
      if (block[pos] === QUOTE) {
        this.hasQuotedName = true;
        pos = this.#skipString(block, pos);
      } else {
        if (LABEL_START[block[pos]!] !== 1) throw fail("label name of an exemplar expected", pos);
        while (LABEL_PART[block[pos]!] === 1) pos++;
      }
      if (block[pos] !== EQUALS) throw fail("'=' expected after label name of an exemplar", pos);
      pos = this.#skipString(block, pos + 1);
      this.hasTrailingComma = block[pos] === COMMA;
      if (this.hasTrailingComma) pos++;
      else if (block[pos] !== BRACE_CLOSE) throw fail("',' or '}' expected in an exemplar", pos);
    }
    return pos + 1;
  }

  /** From an opening quote to the position after the closing one. */
  #skipString(block: Buffer, quote: number): number {
    const fail = this.#fail;
    if (block[quote] !== QUOTE) throw fail("quoted label value of an exemplar expected", quote);
    let pos = quote + 1;
    for (; block[pos] !== QUOTE; pos++) {
      if (block[pos] === BACKSLASH) pos++;
      if (block[pos] === LF || block[pos] === NUL) throw fail("line feed or NUL in an exemplar", pos);
    }
    if (!this.allUtf8 && !isUtf8(block.subarray(quote + 1, pos)))
      throw fail("exemplar is not valid UTF-8", quote);
    return pos + 1;
  }
}
