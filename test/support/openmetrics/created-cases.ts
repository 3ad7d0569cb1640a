/**
 * Cases of OpenMetrics about the times at which series were created, which Prometheus uses with its feature
 * created-timestamp-zero-ingestion: it stores a zero of that time, and no series of `_created`.
 */
import { NOW_SECONDS, storedAs } from "../exposition-case.ts";
import { type OpenMetricsCase, taken, takenUtf8 } from "./openmetrics-case.ts";

const same = { created: "same" } as const;
const created = `${NOW_SECONDS}.25`;
const createdAs = (reason: string, ...series: string[]) => ({
  created: storedAs(reason, ...series).stored,
});

export const createdCases: readonly OpenMetricsCase[] = [
  taken("created time of a counter", `# TYPE c counter\nc_total 1\nc_created ${created}\n`, same),
  taken(
    "created times of counters",
    `# TYPE c counter\nc_total{a="1"} 1\nc_created{a="1"} ${NOW_SECONDS}\nc_total{a="2"} 2\nc_created{a="2"} ${created}\n`,
    same,
  ),
  taken(
    "created time of a counter with an exemplar",
    `# TYPE c counter\nc_total 1 # {a="b"} 1\nc_created ${created}\n`,
    same,
  ),
  taken(
    "created time of a counter with labels of the merge and escapes",
    `# TYPE c counter\nc_total{a="\\"\\\\\\n",exported_podip="b"} 1\nc_created{a="\\"\\\\\\n",exported_podip="b"} ${created}\n`,
    same,
  ),
  taken(
    "created time of a histogram",
    `# TYPE h histogram\nh_bucket{le="1.0"} 1\nh_bucket{le="+Inf"} 1\nh_count 1\nh_sum 1\nh_created ${created}\n`,
    same,
  ),
  taken(
    "created time of a summary",
    `# TYPE s summary\ns{quantile="0.5"} 1\ns_count 1\ns_sum 1\ns_created ${created}\n`,
    same,
  ),
  taken("created time first", `# TYPE c counter\nc_created ${created}\nc_total 1\n`, same),
  taken("created time without TYPE", `c_total 1\nc_created ${created}\n`, same),
  taken(
    "created time in the middle of families",
    `# TYPE c counter\nc_total 1\nc_created ${created}\n# TYPE d counter\nd_total 1\n`,
    same,
  ),
  taken(
    "created times of no series",
    `# TYPE c counter\nc_total{a="1"} 1\nc_created{a="2"} ${created}\n`,
    same,
  ),
  takenUtf8(
    "created time of a quoted name",
    `# TYPE "c.d" counter\n{"c.d_total",a="b"} 1\n{"c.d_created",a="b"} ${created}\n`,
    same,
  ),
  taken(
    "created time of a counter whose TYPE has _total",
    `# TYPE c_total counter\nc_total 1\nc_created ${created}\n`,
    createdAs(
      "Prometheus misses the time, since the TYPE is of another name; in the merge it is of the counter",
      `c_total{} 0 @${NOW_SECONDS}250`,
      "c_total{} 1",
    ),
  ),
  taken(
    "created time behind another family",
    `# TYPE c counter\nc_total 1\n# TYPE g gauge\ng 1\nc_created ${created}\n`,
    createdAs(
      "Prometheus misses the time, since it stands elsewhere; the merge brings families together",
      `c_total{} 0 @${NOW_SECONDS}250`,
      "c_total{} 1",
      "g{} 1",
    ),
  ),
];
