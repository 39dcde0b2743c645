// SPDX-License-Identifier: Apache-2.0

/** The published plugin test kit: numbered rules, models, and plugins that are wrong on purpose. */
module io.mm4j.testkit {
  requires transitive io.mm4j.api;
  requires static transitive org.jspecify;
}
