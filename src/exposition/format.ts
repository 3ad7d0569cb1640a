/**
 * The formats that bodies and answers are in. `text` is the Prometheus text format, 0.0.4 or 1.0.0, which have one grammar;
 * `openmetrics` is OpenMetrics 0.0.1 or 1.0.0, which have another one.
 */
export type ExpositionFormat = "text" | "openmetrics";
