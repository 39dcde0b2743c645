// SPDX-License-Identifier: Apache-2.0

/**
 * The published plugin test kit: numbered rules that run seeded lists of plain-Java operations
 * against a plugin and a naive model, and the plugins that are wrong on purpose which prove the
 * rules.
 *
 * <p>The core depends on no test framework; {@code io.mm4j.testkit.junit} is the optional driver
 * for JUnit 5.
 */
module io.mm4j.testkit {
  requires transitive io.mm4j.api;
  requires jdk.management;
  requires static transitive org.apiguardian.api;
  requires static transitive org.jspecify;
  requires static org.junit.jupiter.api;

  exports io.mm4j.testkit;
  exports io.mm4j.testkit.junit;
  exports io.mm4j.testkit.suites;
}
