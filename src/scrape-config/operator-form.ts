// A job of Prometheus -> a ScrapeConfig of the Prometheus Operator (monitoring.coreos.com/v1alpha1), which has the same parts under other
// names, and keys of Secrets in place of files.
import { type Block, isList, Noted, type Value } from "./noted.ts";

/** Where the name is not simply the same one in camel case. */
const names: Readonly<Record<string, string>> = {
  http_sd_configs: "httpSDConfigs",
  kubernetes_sd_configs: "kubernetesSDConfigs",
  relabel_configs: "relabelings",
  ca_file: "ca",
  cert_file: "cert",
  key_file: "keySecret",
  credentials_file: "credentials",
  password_file: "password",
};

const secretKeys = new Set(["key_file", "credentials_file", "password_file", "username"]);
/** These may come from a ConfigMap too, so that they say which. */
const certificates = new Set(["ca_file", "cert_file"]);

/** `name` is that of the object. The job has been checked to be one that the operator can have. */
export function operatorForm(job: Block, name: string): Block {
  return {
    apiVersion: "monitoring.coreos.com/v1alpha1",
    kind: "ScrapeConfig",
    metadata: new Noted(
      "A Prometheus takes it if its scrapeConfigSelector does: set the labels that it asks for.",
      {
        name,
      },
    ),
    spec: convertBlock(job),
  };
}

function convertBlock(block: Block): Block {
  return Object.fromEntries(
    Object.entries(block).map(([key, value]) => [
      names[key] ?? camelCase(key),
      value === undefined ? undefined : convert(key, value),
    ]),
  );
}

function convert(key: string, value: Value | Noted): Value | Noted {
  if (value instanceof Noted) return new Noted(value.note, convert(key, value.value) as Value);
  // The names of URL parameters are data.
  if (key === "params") return value;
  if (typeof value === "string") return convertText(key, value);
  if (typeof value === "boolean") return value;
  return isList(value) ? value.map((item) => convert("", item)) : convertBlock(value);
}

function convertText(key: string, text: string): Value {
  if (secretKeys.has(key)) return secretReference(text);
  if (certificates.has(key)) return { secret: secretReference(text) };
  if (key === "scheme") return text.toUpperCase();
  return key === "role" ? "Pod" : text;
}

/** Of `<secret>/<key>`. */
function secretReference(text: string): Block {
  const [name = "", key = ""] = text.split("/");
  return { name, key };
}

function camelCase(key: string): string {
  return key.replaceAll(/(?<=[a-z])_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
