/** What the parsers of all formats have in common: blocks of whole lines in, a table of lines and names out. */

export interface FormatParserOptions {
  /** A body with more samples is void (`too_many_samples`). */
  readonly maxSamples: number;
  /** Label names that the merge will add: samples that have one of them already are written anew. */
  readonly reservedLabels: readonly string[];
  /** Whether the scraper takes names outside the legacy character set. If not, a body that has one is void. */
  readonly utf8Names: boolean;
}

export interface FormatParser {
  /** Lines parsed so far. */
  readonly lineNumber: number;
  /**
   * Parses the lines in `block[0, end)`, of which the last byte is a line feed, and adds them to the table as lines
   * of block number `blockIndex`. Returns how many bytes were taken: less than `end` when the last line has an open
   * quote. Throws ExpositionError.
   */
  parse(block: Buffer, end: number, blockIndex: number): number;
  /** The body is over. Throws ExpositionError when the format wants something more. */
  finish(): void;
}
