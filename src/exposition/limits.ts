/** What one body may have at most. Prometheus has no such limits; a body beyond one of them is void, or loses its HELP. */

/**
 * A longer line makes a body void, but for HELP and comments. Prometheus 3.5 dies, as a whole process, of a name or value of
 * 16 MiB, and a merge must not carry one to it; and what a line takes is done in one go.
 */
export const MAX_LINE_BYTES = 1024 * 1024;

/** A sample, or an exemplar, with more labels makes a body void. */
export const MAX_LABELS = 4096;

/** A longer HELP text is left out: it is not worth its memory, and samples do not need it. */
export const MAX_HELP_BYTES = 64 * 1024;
