// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.faults;

import io.mm4j.api.memory.PageFlags;
import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.AddressSpaceConfig;
import io.mm4j.api.process.ProcessFloor;
import io.mm4j.api.process.VmaInfo;
import io.mm4j.testkit.process.naive.Bits;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;

/** Floors that keep a limit or a charge wrongly, and a seal that is a page short. */
final class FloorFaults {
  private FloorFaults() {}

  static ProcessFloor keepsSharedCharges(ProcessFloor right) {
    return new KeepsSharedCharges(right);
  }

  /** A floor whose processes have other settings than they were given. */
  static ProcessFloor reconfigured(ProcessFloor right, UnaryOperator<AddressSpaceConfig> change) {
    return new Reconfigured(right, change);
  }

  /** Every page is active. */
  static ProcessFloor allActive(ProcessFloor right) {
    return new DelegatingFloor(right) {
      @Override
      public int lruFlags(long pfn) {
        return right.lruFlags(pfn) | PageFlags.PG_ACTIVE;
      }
    };
  }

  /** Every page is referenced. */
  static ProcessFloor allReferenced(ProcessFloor right) {
    return new DelegatingFloor(right) {
      @Override
      public int lruFlags(long pfn) {
        return right.lruFlags(pfn) | PageFlags.PG_REFERENCED;
      }
    };
  }

  /** The pool of huge pages has one more than was asked for. */
  static ProcessFloor oneHugePageMore(ProcessFloor right) {
    return new DelegatingFloor(right) {
      @Override
      public HugePages hugePages() {
        HugePages p = right.hugePages();
        return new HugePages(
            p.pageBytes(), p.total() + 1, p.free(), p.reserved(), p.surplus(), p.overcommit());
      }
    };
  }

  /** Whatever disk a floor has, it reads nothing ahead. */
  static ProcessFloor withoutReadAhead(ProcessFloor right) {
    right.kernelOption("read-ahead-kb", "0");
    return new DelegatingFloor(right) {
      @Override
      public void kernelOption(String name, String value) {
        super.kernelOption(name, name.equals("read-ahead-kb") ? "0" : value);
      }
    };
  }

  /** Each allocation costs more than the one before. */
  static ProcessFloor costsMoreAndMore(ProcessFloor right) {
    return new DelegatingFloor(right) {
      @Override
      public long allocationCount() {
        long n = right.allocationCount();
        return n * n;
      }
    };
  }

  /** Does nothing when it is closed. */
  static ProcessFloor staysOpen(ProcessFloor right) {
    return new DelegatingFloor(right) {
      @Override
      public void close() {
        // keeps what it has
      }
    };
  }

  /** Counts one allocation a call, however many there were. */
  static ProcessFloor countsOne(ProcessFloor right) {
    return new DelegatingFloor(right) {
      private long seen;
      private long counted;

      @Override
      public long allocationCount() {
        long now = right.allocationCount();
        counted += now > seen ? 1 : 0;
        seen = now;
        return counted;
      }
    };
  }

  /** Reads other settings than it was given. */
  private static final class Reconfigured extends DelegatingFloor {
    private final UnaryOperator<AddressSpaceConfig> change;

    Reconfigured(ProcessFloor right, UnaryOperator<AddressSpaceConfig> change) {
      super(right);
      this.change = change;
    }

    @Override
    public AddressSpace createAddressSpace(AddressSpaceConfig config) {
      return super.createAddressSpace(change.apply(config));
    }
  }

  /** Does not give back what was charged for shared memory. */
  private static final class KeepsSharedCharges extends DelegatingFloor {
    private long kept;

    KeepsSharedCharges(ProcessFloor right) {
      super(right);
    }

    @Override
    public AddressSpace createAddressSpace(AddressSpaceConfig config) {
      return new Space(super.createAddressSpace(config), this);
    }

    @Override
    public long committedPages() {
      return right.committedPages() + kept;
    }

    /** All that is charged but not for this process alone. */
    private long others(AddressSpace mm) {
      return right.committedPages() - mm.fields().committedPages();
    }

    private static final class Space extends DelegatingSpace {
      private final KeepsSharedCharges floor;

      Space(AddressSpace inner, KeepsSharedCharges floor) {
        super(inner, child -> new Space(child, floor));
        this.floor = floor;
      }

      private void keepGivenBack(long before) {
        floor.kept += Math.max(0, before - floor.others(inner));
      }

      @Override
      public long mmap(long addr, long len, long prot, long flags, long fd, long offset) {
        long before = floor.others(inner);
        long result = super.mmap(addr, len, prot, flags, fd, offset);
        keepGivenBack(before);
        return result;
      }

      @Override
      public long munmap(long addr, long len) {
        long before = floor.others(inner);
        long result = super.munmap(addr, len);
        keepGivenBack(before);
        return result;
      }

      @Override
      public long mremap(long addr, long oldLen, long newLen, long flags, long newAddr) {
        long before = floor.others(inner);
        long result = super.mremap(addr, oldLen, newLen, flags, newAddr);
        keepGivenBack(before);
        return result;
      }

      @Override
      public void exit() {
        long before = floor.others(inner);
        super.exit();
        keepGivenBack(before);
      }
    }
  }

  /** Leaves the last page of a range without the seal that it shows. */
  static final class SealsOneLess extends DelegatingSpace {
    private final Set<Long> bare = new TreeSet<>();

    SealsOneLess(AddressSpace inner) {
      super(inner, SealsOneLess::new);
    }

    @Override
    public long mseal(long addr, long len, long flags) {
      long bytes = Bits.align(len);
      if (bytes <= Bits.PAGE) {
        return super.mseal(addr, len, flags);
      }
      long result = super.mseal(addr, bytes - Bits.PAGE, flags);
      if (result == 0) {
        bare.add(addr + bytes - Bits.PAGE);
      }
      return result;
    }

    @Override
    public void forEachVma(Consumer<VmaInfo> consumer) {
      List<VmaInfo> all = new ArrayList<>();
      super.forEachVma(
          v -> {
            VmaInfo last = all.isEmpty() ? null : all.getLast();
            boolean shown =
                last != null
                    && bare.contains(v.start())
                    && last.end() == v.start()
                    && last.flags().contains("sl")
                    && last.perms().equals(v.perms());
            if (last != null && shown) {
              long end = v.start() + Bits.PAGE;
              all.set(all.size() - 1, part(last, last.start(), end));
              if (end < v.end()) {
                all.add(part(v, end, v.end()));
              }
            } else {
              all.add(v);
            }
          });
      all.forEach(consumer);
    }

    private static VmaInfo part(VmaInfo v, long start, long end) {
      return new VmaInfo(
          start, end, v.perms(), v.offsetBytes(), v.name(), v.file(), v.flags(), "?");
    }
  }
}
