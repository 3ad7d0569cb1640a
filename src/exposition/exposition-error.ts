/** Why a body as a whole is void. A pod is atomic: one such error and nothing of the body is used. */

/** `parse`: Prometheus would refuse the scrape. `too_many_samples`: more than the caller's limit. */
export type ExpositionProblem = "parse" | "too_many_samples";

/** Thrown by the body parser; it holds no bytes of the body, so it is safe to log and to show. */
export class ExpositionError extends Error {
  override readonly name = "ExpositionError";
  readonly problem: ExpositionProblem;
  /** Line of the body, counted from 1; 0 where the whole body is meant. */
  readonly line: number;
  /** Byte within the line, counted from 1; 0 where the whole line is meant. */
  readonly column: number;

  constructor(problem: ExpositionProblem, what: string, line: number, column: number) {
    const place = line === 0 ? "" : ` (line ${line}${column > 0 ? `, byte ${column}` : ""})`;
    super(`Cannot read exposition: ${what}${place}`);
    this.problem = problem;
    this.line = line;
    this.column = column;
  }

  /** The sample of this line is one more than a body may have. */
  static tooManySamples(limit: number, line: number): ExpositionError {
    return new ExpositionError("too_many_samples", `more than ${limit} samples`, line, 0);
  }
}
