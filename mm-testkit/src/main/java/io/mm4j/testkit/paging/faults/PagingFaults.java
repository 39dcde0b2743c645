// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.paging.faults;

import io.mm4j.api.Cpu;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.pagetable.PageTableFormat;
import io.mm4j.api.pagetable.PageTables;
import io.mm4j.api.pagetable.PageTablesProvider;
import io.mm4j.api.pagetable.PageTablesProvider.Floors;
import io.mm4j.api.pagetable.Segmentation;
import io.mm4j.api.pagetable.TableCursor;
import io.mm4j.testkit.Fault;
import io.mm4j.testkit.paging.naive.NaivePageTables;
import io.mm4j.testkit.paging.naive.NaivePaging;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/** Page tables that are wrong on purpose, each in one way. */
public final class PagingFaults {
  private PagingFaults() {}

  static Fault<PageTablesProvider> fault(
      String name, String what, List<String> rules, Function<Floors, PageTables> factory) {
    return new Fault<>(name, what, rules, new NaivePaging(name, false, factory));
  }

  /** All of them. */
  public static List<Fault<PageTablesProvider>> all() {
    List<Fault<PageTablesProvider>> all = new ArrayList<>(tables());
    all.addAll(CursorFaults.all());
    all.addAll(MmuFaults.all());
    return all;
  }

  private static List<Fault<PageTablesProvider>> tables() {
    return List.of(
        fault(
            "writes-big-endian",
            "Entries lie in RAM with their highest byte first.",
            List.of("PG-01"),
            BigEndian::new),
        fault(
            "keeps-a-copy",
            "Entries are read from a copy beside RAM.",
            List.of("PG-02"),
            KeepsCopy::new),
        fault("tables-as-they-come", "A table is not cleared.", List.of("PG-05"), AsTheyCome::new),
        fault(
            "level-is-one-off",
            "A table says that it is of the level above.",
            List.of("PG-06"),
            LevelOff::new),
        fault(
            "frees-one-level",
            "A table that is freed leaves those below it.",
            List.of("PG-08"),
            FreesOneLevel::new),
        fault(
            "frees-what-is-full",
            "Tables are freed whatever is left in them.",
            List.of("PG-07", "PG-13"),
            FreesFull::new),
        fault(
            "tells-no-leaf",
            "walk() does not tell the last entry.",
            List.of("PG-14"),
            TellsNoLeaf::new),
        fault("maps-no-ram", "The direct map is empty.", List.of("PG-15"), MapsNoRam::new),
        fault(
            "publishes-nothing",
            "A new top entry of the kernel's is written in its own root only.",
            List.of("PG-16", "PG-18"),
            PublishesNothing::new),
        fault(
            "shares-nothing",
            "A new root has an empty kernel's half.",
            List.of("PG-16"),
            SharesNothing::new),
        fault(
            "is-never-lazy",
            "Linux 2.4 tells all page directories at once.",
            List.of("PG-17"),
            NeverLazy::new),
        fault(
            "mends-user-faults",
            "syncKernel says yes to any address that is mapped.",
            List.of("PG-18"),
            MendsUsers::new),
        fault(
            "kernel-segment-for-all",
            "The kernel's data segment has the user's privilege.",
            List.of("PG-19"),
            SegmentForAll::new),
        fault(
            "flushes-this-cpu-only",
            "A flush reaches only the CPU that asks for it.",
            List.of("PG-23"),
            ThisCpuOnly::new),
        fault(
            "own-flushes-are-enough",
            "A CPU that flushes kernel addresses takes itself to be up to date with the others.",
            List.of("PG-46"),
            OwnFlushesAreEnough::new),
        fault(
            "long-flushes-do-nothing",
            "A flush of more than 128 MiB leaves everything.",
            List.of("PG-47"),
            LongFlushesDoNothing::new),
        fault(
            "bit-7-is-a-leaf",
            "Bit 7 makes a leaf at every level.",
            List.of("PG-27"),
            LeafAnywhere::new),
        fault(
            "keeps-top-leafs",
            "A top entry of the kernel's that goes stays in the other roots.",
            List.of("PG-29"),
            KeepsTopLeafs::new),
        fault(
            "keeps-what-is-mapped",
            "Closing leaves the roots that are not empty.",
            List.of("PG-41"),
            KeepsNotEmpty::new),
        new Fault<>(
            "boxes-numbers",
            "Look-ups allocate, although the plugin says that they do not.",
            List.of("PG-26"),
            new NaivePaging("boxes-numbers", true, BoxesNumbers::new)));
  }

  private static final class KeepsNotEmpty extends NaivePageTables {
    KeepsNotEmpty(Floors floors) {
      super(floors);
    }

    @Override
    public void close() {
      roots.removeIf(root -> root != kernelRoot(floors.cpus().get(0)) && tables(root, 1) > 0);
      super.close();
    }
  }

  /** It keeps the box, or a compiler could do without it. */
  private static final class BoxesNumbers extends NaivePageTables {
    @SuppressWarnings("UnusedVariable") // it is there to be written
    private volatile Object last = "";

    BoxesNumbers(Floors floors) {
      super(floors);
    }

    @Override
    public long translate(long root, long address) {
      long paddr = super.translate(root, address);
      last = new Object[] {paddr};
      return paddr;
    }
  }

  private static final class LeafAnywhere extends NaivePageTables {
    LeafAnywhere(PageTablesProvider.Floors floors) {
      super(floors);
    }

    @Override
    public long translate(long root, long address) {
      long[] leaf = {super.translate(root, address)};
      long _ =
          walk(
              root,
              address,
              (level, pfn, index, entry) -> {
                if (level > 1 && (entry & (1 << 7)) != 0) {
                  leaf[0] = entry & format().frameMask(level);
                }
              });
      return leaf[0];
    }
  }

  private static final class KeepsTopLeafs extends NaivePageTables {
    KeepsTopLeafs(PageTablesProvider.Floors floors) {
      super(floors);
    }

    @Override
    protected void publish(int index, long entry) {
      if (entry != PageTableFormat.EMPTY) {
        super.publish(index, entry);
      }
    }
  }

  private static final class BigEndian extends NaivePageTables {
    BigEndian(Floors floors) {
      super(floors);
    }

    private long swap(long entry) {
      return format.shape().entryBytes() == 8
          ? Long.reverseBytes(entry)
          : Integer.reverseBytes((int) entry) & 0xffff_ffffL;
    }

    @Override
    protected long read(long paddr) {
      return swap(super.read(paddr));
    }

    @Override
    protected void write(long paddr, long entry) {
      super.write(paddr, swap(entry));
    }
  }

  private static final class KeepsCopy extends NaivePageTables {
    private final Map<Long, Long> copy = new HashMap<>();

    KeepsCopy(Floors floors) {
      super(floors);
    }

    @Override
    protected long read(long paddr) {
      Long known = copy.get(paddr);
      return known != null ? known : super.read(paddr);
    }

    @Override
    protected void write(long paddr, long entry) {
      copy.put(paddr, entry);
      super.write(paddr, entry);
    }

    @Override
    protected void release(Cpu cpu, long tablePfn) {
      copy.keySet().removeIf(paddr -> paddr >>> 12 == tablePfn);
      super.release(cpu, tablePfn);
    }
  }

  private static final class AsTheyCome extends NaivePageTables {
    AsTheyCome(Floors floors) {
      super(floors);
    }

    @Override
    protected int gfp() {
      return Gfp.GFP_KERNEL;
    }
  }

  private static final class LevelOff extends NaivePageTables {
    LevelOff(Floors floors) {
      super(floors);
    }

    @Override
    protected void own(long tablePfn, long root, int level) {
      super.own(tablePfn, root, root == 0 ? 0 : level + 1);
    }
  }

  private static final class FreesOneLevel extends NaivePageTables {
    FreesOneLevel(Floors floors) {
      super(floors);
    }

    @Override
    protected long freeTree(Cpu cpu, long tablePfn, int level) {
      release(cpu, tablePfn);
      return 1;
    }
  }

  private static final class FreesFull extends NaivePageTables {
    FreesFull(Floors floors) {
      super(floors);
    }

    @Override
    protected void checkEmpty(long tablePfn, int level, int from, int to, long start) {}
  }

  private static final class TellsNoLeaf extends NaivePageTables {
    TellsNoLeaf(Floors floors) {
      super(floors);
    }

    @Override
    public long walk(long root, long address, Step step) {
      return super.walk(
          root,
          address,
          (level, pfn, index, entry) -> {
            if (level > 1) {
              step.read(level, pfn, index, entry);
            }
          });
    }
  }

  private static final class MapsNoRam extends NaivePageTables {
    MapsNoRam(Floors floors) {
      super(floors);
    }

    @Override
    protected boolean mapRam(Cpu cpu) {
      return true;
    }
  }

  private static final class PublishesNothing extends NaivePageTables {
    PublishesNothing(Floors floors) {
      super(floors);
    }

    @Override
    protected void publish(int index, long entry) {}
  }

  private static final class SharesNothing extends NaivePageTables {
    SharesNothing(Floors floors) {
      super(floors);
    }

    @Override
    protected void copyKernelHalf(long root) {}
  }

  private static final class NeverLazy extends NaivePageTables {
    NeverLazy(Floors floors) {
      super(floors);
    }

    @Override
    protected boolean isLazy() {
      return false;
    }
  }

  private static final class MendsUsers extends NaivePageTables {
    MendsUsers(Floors floors) {
      super(floors);
    }

    @Override
    public boolean syncKernel(long root, long address) {
      return super.syncKernel(root, address) || translate(root, address) != NOT_MAPPED;
    }
  }

  private static final class SegmentForAll extends NaivePageTables {
    SegmentForAll(Floors floors) {
      super(floors);
    }

    @Override
    protected Segmentation segments(
        List<Long> table, boolean wide, int code, int userCode, int userData) {
      table.set(code + 1, table.get(userData));
      return super.segments(table, wide, code, userCode, userData);
    }
  }

  private static final class ThisCpuOnly extends NaivePageTables {
    ThisCpuOnly(Floors floors) {
      super(floors);
    }

    @Override
    public void flushRange(Cpu cpu, long root, long start, long end) {
      var all = Map.copyOf(mmus);
      mmus.keySet().removeIf(id -> id != cpu.id());
      super.flushRange(cpu, root, start, end);
      mmus.putAll(all);
    }
  }

  /** Each CPU hears of the flushes of others only before it has made one itself. */
  private static final class OwnFlushesAreEnough extends NaivePageTables {
    private int last = -1;

    OwnFlushesAreEnough(Floors floors) {
      super(floors);
    }

    @Override
    public void flushKernelRange(Cpu cpu, long start, long end) {
      var all = Map.copyOf(mmus);
      mmus.keySet().removeIf(id -> id != cpu.id() && id == last);
      super.flushKernelRange(cpu, start, end);
      mmus.putAll(all);
      last = cpu.id();
    }
  }

  private static final class LongFlushesDoNothing extends NaivePageTables {
    LongFlushesDoNothing(Floors floors) {
      super(floors);
    }

    @Override
    public void flushRange(Cpu cpu, long root, long start, long end) {
      if (end - start <= 128 << 20) {
        super.flushRange(cpu, root, start, end);
      }
    }
  }

  /** Page tables whose cursor is another one. */
  static final class WithCursor extends NaivePageTables {
    private final Function<NaivePageTables, TableCursor> cursors;

    WithCursor(Floors floors, Function<NaivePageTables, TableCursor> cursors) {
      super(floors);
      this.cursors = cursors;
    }

    @Override
    public TableCursor cursor() {
      return cursors.apply(this);
    }
  }

  /** An entry that is a leaf for sure. */
  static boolean isLeaf(PageTableFormat format, int level, long entry) {
    return format.isLeaf(level, entry);
  }
}
