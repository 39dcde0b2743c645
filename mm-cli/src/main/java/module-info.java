// SPDX-License-Identifier: Apache-2.0

/** The mm command. */
module io.mm4j.cli {
  requires io.mm4j.api;
  requires io.mm4j.replay;
  requires io.mm4j.testkit;
  requires io.mm4j.trace;
  requires info.picocli;
  requires java.management;
  requires org.jline.reader;
  requires org.jline.terminal;
  requires static org.jspecify;

  opens io.mm4j.cli to
      info.picocli;
}
