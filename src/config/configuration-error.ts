// A problem of the configuration that is found only once files are opened. The program ends with exit code 2, as for the problems
// that parseConfig() finds.

export class ConfigurationError extends Error {
  override readonly name = "ConfigurationError";
}
