// A metric that only protobuf can carry: one native histogram as the client libraries write it, field by field
// (io.prometheus.client.MetricFamily, length-delimited), so that no library for protobuf is needed.

export const protobufType =
  "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited";

/** Three observations, 6.5 in all, in one family. */
export function nativeHistogram(name: string): Buffer {
  const histogram = [
    varint(1, 3), // sample_count
    double(2, 6.5), // sample_sum
    varint(5, 0), // schema, zigzag: buckets grow by 2
    double(6, 1e-128), // zero_threshold
    varint(7, 0), // zero_count
    bytes(12, Buffer.concat([varint(1, 2), varint(2, 2)])), // positive_span: offset 1 (zigzag), length 2
    bytes(13, Buffer.from([2, 2])), // positive_delta, zigzag and packed: 1, then one more
  ];
  const family = Buffer.concat([
    bytes(1, Buffer.from(name)),
    bytes(2, Buffer.from("Made for a test.")),
    varint(3, 4), // type: HISTOGRAM
    bytes(4, bytes(7, Buffer.concat(histogram))),
  ]);
  return Buffer.concat([Buffer.from([family.length]), family]);
}

/** Below 128, so that it is one byte. */
function varint(field: number, value: number): Buffer {
  return Buffer.from([field << 3, value]);
}

function double(field: number, value: number): Buffer {
  const buffer = Buffer.alloc(9);
  buffer[0] = (field << 3) | 1;
  buffer.writeDoubleLE(value, 1);
  return buffer;
}

function bytes(field: number, value: Buffer): Buffer {
  return Buffer.concat([Buffer.from([(field << 3) | 2, value.length]), value]);
}
