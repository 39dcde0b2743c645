// SPDX-License-Identifier: Apache-2.0

/**
 * What plugins do, seen from outside: events of any plugin at its SPI, without its source, as
 * ftrace text, JFR events and kmem recordings; checkers; failing on purpose.
 *
 * <p>A plugin is wrapped when it is created, by a class that Byte Buddy makes of its SPI. What is
 * not traced is not wrapped.
 */
module io.mm4j.trace {
  requires transitive io.mm4j.api;
  requires transitive java.instrument;
  requires jdk.jfr;
  requires net.bytebuddy;
  requires static org.jspecify;

  exports io.mm4j.trace;

  opens io.mm4j.trace to
      jdk.jfr;
}
