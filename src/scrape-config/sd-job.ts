// The job for `/sd`: Prometheus asks the proxy for targets that say how they are scraped. Never relabels: there is nothing left to say.
import type { ExternalUrl } from "../config/address-kinds.ts";
import { parseQuery } from "../targets/query.ts";
import { orNothing, proxyClient } from "./client-settings.ts";
import type { FlagValues } from "./flags.ts";
import { type Block, Noted } from "./noted.ts";

const defaultRefresh = "60s";

/** Throws MalformedRequestError when the proxy would not take the URL. */
export function sdJob(values: FlagValues, url: ExternalUrl): Block {
  const client = proxyClient(values);
  const again = orNothing(client);
  return {
    http_sd_configs: new Noted(
      "The proxy tells the pods, and how each is scraped: no relabelling is needed.",
      [
        {
          url: discoveryUrl(values, url),
          refresh_interval: values.refreshInterval?.text ?? defaultRefresh,
          ...client,
        },
      ],
    ),
    ...(again === undefined ? {} : withNote(again)),
  };
}

/** The note stands before the first entry. */
function withNote(block: Block): Block {
  const [first, ...rest] = Object.entries(block).filter(([, value]) => value !== undefined);
  const [key, value] = first!;
  const note = "Once more: what stands above is for the list of pods alone, this is for the scrapes.";
  const noted =
    value instanceof Noted ? new Noted(`${note}\n ${value.note}`, value.value) : new Noted(note, value!);
  return { [key]: noted, ...Object.fromEntries(rest) };
}

function discoveryUrl(values: FlagValues, { scheme, host, pathPrefix }: ExternalUrl): string {
  const parameters = {
    namespace: values.namespace === "*" ? "*" : values.namespace?.join(","),
    selector: values.selector,
    prefix: values.prefix === "" ? undefined : values.prefix,
    workload: values.workload?.join(","),
    container: values.container?.join(","),
    port: values.port?.join(","),
    path: values.path,
    scheme: values.scheme,
    ready: values.ready ? "true" : undefined,
    annotated: values.annotated ? "true" : undefined,
  };
  const query = Object.entries(parameters)
    .flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${escape(value)}`]))
    .join("&");
  // Its length is bounded.
  parseQuery(query);
  return `${scheme}://${host}${pathPrefix}/sd${query === "" ? "" : `?${query}`}`;
}

/** Leaves readable what a query may have as it is. */
function escape(text: string): string {
  return encodeURIComponent(text).replaceAll(/%(?:2C|2F|3A|3D|40|24)/g, (code) => decodeURIComponent(code));
}
