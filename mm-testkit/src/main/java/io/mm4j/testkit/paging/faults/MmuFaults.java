// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.paging.faults;

import io.mm4j.api.pagetable.PageTablesProvider;
import io.mm4j.testkit.Fault;
import io.mm4j.testkit.paging.naive.NaiveMmu;
import io.mm4j.testkit.paging.naive.NaivePageTables;
import java.util.List;
import java.util.function.Function;

/** CPUs that translate wrongly on purpose. */
final class MmuFaults {
  private MmuFaults() {}

  private static Fault<PageTablesProvider> fault(
      String name, String what, List<String> rules, Function<NaivePageTables, NaiveMmu> cpus) {
    return PagingFaults.fault(
        name,
        what,
        rules,
        floors ->
            new NaivePageTables(floors) {
              @Override
              protected NaiveMmu newMmu() {
                return cpus.apply(this);
              }
            });
  }

  static List<Fault<PageTablesProvider>> all() {
    return List.of(
        fault(
            "leafs-have-the-rights",
            "Only the leaf decides what is allowed.",
            List.of("PG-20"),
            LeafsDecide::new),
        fault(
            "reads-make-dirty",
            "A read sets the dirty bit.",
            List.of("PG-21"),
            ReadsMakeDirty::new),
        fault(
            "has-no-tlb",
            "Every access reads the tables.",
            List.of("PG-22", "PG-24"),
            HasNoTlb::new),
        fault(
            "flushes-no-span", "flushSpan forgets nothing.", List.of("PG-22"), FlushesNoSpan::new),
        fault(
            "global-pages-go",
            "A change of the directory takes global translations along.",
            List.of("PG-24"),
            GlobalGoes::new),
        fault(
            "asids-are-not-compared",
            "A translation of any identifier answers.",
            List.of("PG-24"),
            AnyAsid::new),
        fault(
            "identifiers-without-a-flush",
            "An identifier is given to another root with what the last one left.",
            List.of("PG-25"),
            NothingGoes::new),
        fault(
            "identifiers-passed-over",
            "Every other identifier is given.",
            List.of("PG-35"),
            EveryOther::new),
        fault(
            "flushed-is-unchanged",
            "A root that was flushed meanwhile comes back as if it had not been.",
            List.of("PG-35"),
            NeverChanged::new),
        fault(
            "huge-pages-by-their-first",
            "A span takes a huge translation along only if it begins in its first 4 KiB.",
            List.of("PG-36"),
            HugeByFirst::new),
        fault(
            "ceiling-of-41",
            "A flush of up to 41 pages spares the others of its root.",
            List.of("PG-23"),
            HighCeiling::new),
        fault(
            "counts-no-requests",
            "What other CPUs ask for is done and not counted.",
            List.of("PG-38"),
            CountsNone::new),
        fault(
            "forgets-what-is-global",
            "A flush of the kernel's addresses leaves what is not global.",
            List.of("PG-39"),
            GlobalOnly::new),
        fault(
            "evicts-untold",
            "The TLB has room for 64 translations, and what goes is not counted.",
            List.of("PG-42"),
            EvictsUntold::new));
  }

  private static final class EvictsUntold extends NaiveMmu {
    EvictsUntold(NaivePageTables tables) {
      super(tables);
    }

    @Override
    public long access(long address, int kind) {
      long result = super.access(address, kind);
      if (tlb.size() > 64) {
        tlb.removeFirst();
      }
      return result;
    }
  }

  private static final class HugeByFirst extends NaiveMmu {
    HugeByFirst(NaivePageTables tables) {
      super(tables);
    }

    @Override
    protected boolean touches(Cached c, long start, long end) {
      boolean inFirst = (start & (format.bytes(c.level()) - 1)) < 4096;
      return super.touches(c, start, end) && inFirst;
    }
  }

  private static final class LeafsDecide extends NaiveMmu {
    LeafsDecide(NaivePageTables tables) {
      super(tables);
    }

    @Override
    protected long rights(int level, long entry) {
      return format.isTable(level, entry) ? WRITE | USER | FETCH : super.rights(level, entry);
    }
  }

  private static final class ReadsMakeDirty extends NaiveMmu {
    ReadsMakeDirty(NaivePageTables tables) {
      super(tables);
    }

    @Override
    protected void mark(List<Long> slots, boolean written) {
      super.mark(slots, true);
    }
  }

  private static final class HasNoTlb extends NaiveMmu {
    HasNoTlb(NaivePageTables tables) {
      super(tables);
    }

    @Override
    protected boolean matches(Cached c, long address) {
      return false;
    }
  }

  private static final class FlushesNoSpan extends NaiveMmu {
    FlushesNoSpan(NaivePageTables tables) {
      super(tables);
    }

    @Override
    public void flushSpan(long start, long end) {}
  }

  private static final class GlobalGoes extends NaiveMmu {
    GlobalGoes(NaivePageTables tables) {
      super(tables);
    }

    @Override
    protected boolean survives(Cached c, int id) {
      return c.asid() != id;
    }
  }

  private static final class AnyAsid extends NaiveMmu {
    AnyAsid(NaivePageTables tables) {
      super(tables);
    }

    @Override
    protected boolean matches(Cached c, long address) {
      return c.begins(address & -format.bytes(c.level()));
    }
  }

  private static final class EveryOther extends NaiveMmu {
    EveryOther(NaivePageTables tables) {
      super(tables);
    }

    @Override
    protected int identifier(int before) {
      return super.identifier(2 * before);
    }
  }

  private static final class NeverChanged extends NaiveMmu {
    NeverChanged(NaivePageTables tables) {
      super(tables);
    }

    @Override
    protected boolean isUnchanged(long next) {
      return true;
    }
  }

  private static final class HighCeiling extends NaiveMmu {
    HighCeiling(NaivePageTables tables) {
      super(tables);
    }

    @Override
    protected int ceiling() {
      return 41;
    }
  }

  private static final class CountsNone extends NaiveMmu {
    CountsNone(NaivePageTables tables) {
      super(tables);
    }

    @Override
    protected void asked() {}
  }

  private static final class GlobalOnly extends NaiveMmu {
    GlobalOnly(NaivePageTables tables) {
      super(tables);
    }

    @Override
    protected boolean touches(Cached c, long start, long end) {
      return super.touches(c, start, end) && (c.global() || !format.kernel().contains(start));
    }
  }

  private static final class NothingGoes extends NaiveMmu {
    NothingGoes(NaivePageTables tables) {
      super(tables);
    }

    @Override
    protected boolean survives(Cached c, int id) {
      return true;
    }
  }
}
