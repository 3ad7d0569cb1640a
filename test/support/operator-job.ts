// A ScrapeConfig of the Prometheus Operator, made a job of Prometheus again as the operator does it: for promtool, which knows
// only those. Knows the fields of the operator's API by itself and takes nothing from the code that prints them: an unknown one fails.
import { join } from "node:path";

type Fields = Readonly<Record<string, unknown>>;
interface SecretKey {
  readonly name: string;
  readonly key: string;
}

export interface ScrapeConfigObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: Fields;
}

/** Keys of Secrets become files of that name in the folder. */
export function operatorJob({ metadata, spec }: ScrapeConfigObject, folder: string): object {
  const path = ({ name, key }: SecretKey) => join(folder, name, key);
  const text = (value: unknown) => value;
  const many = (fields: Reader) => (value: unknown) => (value as Fields[]).map(fields);
  const certificate = (value: unknown) => path((value as { secret: SecretKey }).secret);
  const file = (value: unknown) => path(value as SecretKey);

  const authorization = reader({ credentials: ["credentials_file", file] });
  const basicAuth = reader({ username: ["username_file", file], password: ["password_file", file] });
  const tlsConfig = reader({
    ca: ["ca_file", certificate],
    cert: ["cert_file", certificate],
    keySecret: ["key_file", file],
    serverName: ["server_name", text],
    insecureSkipVerify: ["insecure_skip_verify", text],
  });
  const client: Shape = {
    authorization: ["authorization", authorization],
    basicAuth: ["basic_auth", basicAuth],
    tlsConfig: ["tls_config", tlsConfig],
  };
  const role = (value: unknown) => {
    if (value !== "Pod") throw new Error(`Cannot take role ${String(value)}: the operator knows Pod`);
    return "pod";
  };
  const scheme = (value: unknown) => {
    if (value !== "HTTP" && value !== "HTTPS") throw new Error(`Cannot take scheme ${String(value)}`);
    return value.toLowerCase();
  };
  const job = reader({
    jobName: ["job_name", text],
    scrapeInterval: ["scrape_interval", text],
    scrapeTimeout: ["scrape_timeout", text],
    metricsPath: ["metrics_path", text],
    scheme: ["scheme", scheme],
    params: ["params", text],
    ...client,
    httpSDConfigs: [
      "http_sd_configs",
      many(reader({ url: ["url", text], refreshInterval: ["refresh_interval", text], ...client })),
    ],
    staticConfigs: ["static_configs", many(reader({ targets: ["targets", text] }))],
    kubernetesSDConfigs: [
      "kubernetes_sd_configs",
      many(
        reader({
          role: ["role", role],
          apiServer: ["api_server", text],
          namespaces: ["namespaces", reader({ names: ["names", text] })],
          selectors: ["selectors", many(reader({ role: ["role", role], label: ["label", text] }))],
          ...client,
        }),
      ),
    ],
    relabelings: [
      "relabel_configs",
      many(
        reader({
          sourceLabels: ["source_labels", text],
          separator: ["separator", text],
          targetLabel: ["target_label", text],
          regex: ["regex", text],
          replacement: ["replacement", text],
          action: ["action", text],
        }),
      ),
    ],
  });
  return { job_name: metadata.name, ...job(spec) };
}

type Reader = (fields: unknown) => object;
type Shape = Readonly<Record<string, readonly [name: string, convert: (value: unknown) => unknown]>>;

function reader(shape: Shape): Reader {
  return (fields) =>
    Object.fromEntries(
      Object.entries(fields as Fields).map(([key, value]) => {
        const field = shape[key];
        if (field === undefined)
          throw new Error(`Cannot take field "${key}": the operator has none of that name`);
        const [name, convert] = field;
        return [name, convert(value)];
      }),
    );
}
