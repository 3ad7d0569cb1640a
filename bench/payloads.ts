/** The bodies that the benchmark's pods answer with: real scrapes, kept with the tests' fixtures. */
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";

const fixture = (name: string) => readFileSync(new URL(`../test/fixtures/${name}`, import.meta.url));

/** A node_exporter: 62 kB, mostly metadata. */
export const smallBody = fixture("node_exporter.txt");
/** A kube-apiserver: 1.3 MB, mostly histograms. */
export const largeBody = gunzipSync(fixture("kube_apiserver.txt.gz"));
