// APP_URL_PREFIX: the path below which the main listener serves everything. Compares the bytes of the target as they came, by whole
// segments; never decodes, and takes no other case for the same.

/** The target as it would be without a prefix; undefined when it is not below the prefix. `prefix` is "" or as in `/a/b`. */
export function stripUrlPrefix(target: string, prefix: string): string | undefined {
  if (!target.startsWith(prefix)) return undefined;
  const rest = target.slice(prefix.length);
  // Without a prefix nothing is changed: the guard refuses targets that do not begin with a slash.
  if (prefix === "" || rest.startsWith("/")) return rest;
  return rest === "" || rest.startsWith("?") ? `/${rest}` : undefined;
}
