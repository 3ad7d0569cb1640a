// Whether a caller takes gzip. Never guesses: what cannot be read means no.

const token = /^[!#$%&'*+.^_`|~0-9a-z-]+$/;
const weight = /^(?:0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)$/;

/** True if the Accept-Encoding allows gzip with a weight above 0 (RFC 9110 section 12.5.3). No header: false, as in Prometheus. */
export function acceptsGzip(header: string | undefined): boolean {
  let wildcard = false;
  for (const item of (header ?? "").toLowerCase().split(",")) {
    const [coding = "", ...parameters] = item.split(";").map((part) => part.trim());
    if (!token.test(coding)) continue;
    const quality = parameters.find((parameter) => parameter.startsWith("q="))?.slice(2) ?? "1";
    const wanted = weight.test(quality) && Number(quality) > 0;
    if (coding === "gzip" || coding === "x-gzip") return wanted;
    if (coding === "*") wildcard = wanted;
  }
  return wildcard;
}
