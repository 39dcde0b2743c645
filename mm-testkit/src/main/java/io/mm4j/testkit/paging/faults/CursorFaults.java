// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.paging.faults;

import io.mm4j.api.Cpu;
import io.mm4j.api.pagetable.PageTables;
import io.mm4j.api.pagetable.PageTablesProvider;
import io.mm4j.api.pagetable.TableCursor;
import io.mm4j.testkit.Fault;
import io.mm4j.testkit.paging.naive.NaiveCursor;
import io.mm4j.testkit.paging.naive.NaivePageTables;
import java.util.Deque;
import java.util.List;
import java.util.function.Function;

/** Cursors that are wrong on purpose. */
final class CursorFaults {
  private CursorFaults() {}

  private static Fault<PageTablesProvider> fault(
      String name, String what, String rule, Function<NaivePageTables, TableCursor> cursors) {
    return PagingFaults.fault(
        name, what, List.of(rule), floors -> new PagingFaults.WithCursor(floors, cursors));
  }

  static List<Fault<PageTablesProvider>> all() {
    return List.of(
        fault(
            "walks-over-markers",
            "A walk takes an absent entry for nothing.",
            "PG-03",
            WalksOverMarkers::new),
        fault(
            "walks-onto-stray-bits",
            "A walk takes anything but 0 for an entry.",
            "PG-28",
            StopsAtStrayBits::new),
        fault(
            "seeks-to-the-bottom",
            "seek goes down as far as there are tables, whatever level was wanted.",
            "PG-04",
            SeeksDown::new),
        fault(
            "ignores-the-ceiling",
            "freeTables frees a table that reaches over the ceiling.",
            "PG-07",
            IgnoresCeiling::new),
        fault(
            "never-unwinds",
            "Tables that were made before memory ran out stay.",
            "PG-09",
            NeverUnwinds::new),
        fault(
            "parts-of-one-frame",
            "All parts of a huge leaf map its first part.",
            "PG-10",
            OnePart::new),
        fault(
            "loses-deposits",
            "A deposited table takes the place of the one before it.",
            "PG-11",
            LosesDeposits::new),
        fault(
            "row-without-its-last",
            "The last entry of a row is not written.",
            "PG-30",
            ShortRow::new),
        fault(
            "back-at-the-row",
            "After a row the cursor stands at the first entry of it.",
            "PG-40",
            AtFirst::new),
        fault(
            "clears-without-telling",
            "What getAndClear gives is the entry when it is cleared.",
            "PG-37",
            ClearsFirst::new),
        fault(
            "ranges-in-the-hole",
            "A range may begin behind the last user address.",
            "PG-13",
            InTheHole::new),
        fault(
            "does-not-look-again",
            "A new table is put where something else has come meanwhile.",
            "PG-12",
            LooksOnce::new));
  }

  private static final class AtFirst extends NaiveCursor {
    AtFirst(NaivePageTables tables) {
      super(tables);
    }

    @Override
    public int setRow(long[] values, int count) {
      long first = address();
      int wrote = super.setRow(values, count);
      int _ = super.seek(first, 1);
      return wrote;
    }
  }

  private static final class ClearsFirst extends NaiveCursor {
    ClearsFirst(NaivePageTables tables) {
      super(tables);
    }

    @Override
    public long getAndClear() {
      long _ = super.getAndClear();
      return entry();
    }
  }

  private static final class InTheHole extends NaiveCursor {
    private final long past;

    InTheHole(NaivePageTables tables) {
      super(tables);
      past = 1L << (tables.format().shape().addressBits() - 1);
    }

    @Override
    public void over(long ofRoot, long from, long end) {
      super.over(ofRoot, from == past && past > 1L << 32 ? past - 4096 : from, end);
    }
  }

  private static final class WalksOverMarkers extends NaiveCursor {
    WalksOverMarkers(NaivePageTables tables) {
      super(tables);
    }

    @Override
    protected boolean isMet(int l, long entry) {
      return PagingFaults.isLeaf(format, l, entry);
    }
  }

  private static final class SeeksDown extends NaiveCursor {
    SeeksDown(NaivePageTables tables) {
      super(tables);
    }

    @Override
    public int seek(long at, int wanted) {
      return super.seek(at, 1);
    }
  }

  private static final class IgnoresCeiling extends NaiveCursor {
    IgnoresCeiling(NaivePageTables tables) {
      super(tables);
    }

    @Override
    protected boolean isFree(long first, long lastOne, long floor, long end) {
      return super.isFree(first, first, floor, end);
    }
  }

  private static final class NeverUnwinds extends NaiveCursor {
    NeverUnwinds(NaivePageTables tables) {
      super(tables);
    }

    @Override
    protected void unwind(Cpu cpu, long at, Deque<Integer> made) {}
  }

  private static final class OnePart extends NaiveCursor {
    OnePart(NaivePageTables tables) {
      super(tables);
    }

    @Override
    protected long part(long huge, int i) {
      return super.part(huge, 0);
    }
  }

  private static final class LosesDeposits extends NaiveCursor {
    LosesDeposits(NaivePageTables tables) {
      super(tables);
    }

    @Override
    public void deposit(long tablePfn) {
      super.deposit(tablePfn);
      tables.forgetNext(tablePfn);
    }
  }

  private static final class ShortRow extends NaiveCursor {
    ShortRow(NaivePageTables tables) {
      super(tables);
    }

    @Override
    public int setRow(long[] entries, int count) {
      int done = super.setRow(entries, count);
      set(done > 1 ? 0 : entry());
      return done;
    }
  }

  private static final class LooksOnce extends NaiveCursor {
    LooksOnce(NaivePageTables tables) {
      super(tables);
    }

    @Override
    public int ensure(Cpu cpu, long at, int wanted) {
      while (true) {
        int reached = seek(at, wanted);
        if (reached == wanted || !format.isNone(entry())) {
          return reached;
        }
        long table = tables.newTable(cpu);
        if (table == PageTables.NO_TABLE) {
          return NO_MEMORY;
        }
        set(0); // whatever has come
        populate(table);
      }
    }
  }

  private static final class StopsAtStrayBits extends NaiveCursor {
    StopsAtStrayBits(NaivePageTables tables) {
      super(tables);
    }

    private boolean stray;

    @Override
    public void set(long entry) {
      super.set(entry);
      stray |= entry == 0x60;
    }

    @Override
    public boolean next() {
      boolean found = super.next() || stray;
      stray = false;
      return found;
    }
  }
}
