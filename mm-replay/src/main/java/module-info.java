// SPDX-License-Identifier: Apache-2.0

/** Recordings and workload scripts in, verdicts out. */
module io.mm4j.replay {
  exports io.mm4j.replay;
  exports io.mm4j.replay.kmem;
  exports io.mm4j.replay.process;
  exports io.mm4j.replay.report;
  exports io.mm4j.replay.paste;
  exports io.mm4j.replay.vmap;

  requires transitive io.mm4j.api;
  requires static transitive org.jspecify;
}
