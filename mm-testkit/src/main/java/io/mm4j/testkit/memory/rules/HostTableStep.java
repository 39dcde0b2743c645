// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.memory.rules;

import io.mm4j.api.memory.Pages;
import io.mm4j.testkit.Operation;
import io.mm4j.testkit.Seeded;
import java.util.Locale;

/**
 * A step with tables of the host.
 *
 * @param which of the tables, modulo how many there are
 * @param at where in the table, in pages, modulo its length
 * @param pages how many, as far as there are so many
 * @param value what is written
 */
record HostTableStep(Kind kind, int which, int at, int pages, byte value)
    implements Operation<HostTableSubject> {
  /** What is done. */
  enum Kind {
    TABLE,
    FILL,
    FILL_BY_ADDRESS,
    DISCARD,
    RAM,
    CLOSE
  }

  private static final int MOST_PAGES = 20;

  /** Another table. */
  static HostTableStep table(Seeded random) {
    return of(Kind.TABLE, random);
  }

  /** Any step; the machine is seldom closed. */
  static HostTableStep any(Seeded random) {
    return of(Kind.values()[random.weighted(2, 6, 4, 6, 2, 1)], random);
  }

  private static HostTableStep of(Kind kind, Seeded random) {
    return new HostTableStep(
        kind,
        random.below(1000),
        random.below(1000),
        random.between(1, MOST_PAGES),
        (byte) random.between(1, 255));
  }

  @Override
  public void apply(HostTableSubject s) {
    switch (kind) {
      case TABLE -> s.table(pages * Pages.PAGE_SIZE);
      case FILL -> s.fill(which, at, pages, value, false);
      case FILL_BY_ADDRESS -> s.fill(which, at, pages, value, true);
      case DISCARD -> s.discard(which, at, pages);
      case RAM -> s.ram(value);
      case CLOSE -> s.close();
    }
  }

  @Override
  public String toString() {
    String what = kind.name().toLowerCase(Locale.ROOT).replace('_', ' ');
    return switch (kind) {
      case TABLE -> what + " of " + pages + " pages";
      case FILL, FILL_BY_ADDRESS ->
          what + " table#" + which + " page#" + at + " x" + pages + " with " + value;
      case DISCARD -> what + " table#" + which + " page#" + at + " x" + pages;
      case RAM -> "fill RAM with " + value;
      case CLOSE -> "close the machine";
    };
  }
}
