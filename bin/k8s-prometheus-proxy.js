#!/usr/bin/env node
// Depends on nothing, so that an older Node says what is missing instead of failing on new syntax.
const [major, minor] = process.versions.node.split(".").map(Number);
if (major < 22 || (major === 22 && minor < 19)) {
  process.stderr.write(
    "k8s-prometheus-proxy: cannot start under Node " +
      process.versions.node +
      ": Node 22.19 or later is needed\n",
  );
  process.exit(2);
}
import("../dist/src/main.js")
  .then(function (program) {
    return program.main();
  })
  .catch(function (error) {
    process.stderr.write("k8s-prometheus-proxy: cannot run: " + error.message + "\n");
    process.exit(1);
  });
