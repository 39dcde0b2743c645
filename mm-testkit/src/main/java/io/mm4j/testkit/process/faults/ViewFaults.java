// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.faults;

import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.Errno;
import io.mm4j.api.process.MmFields;
import io.mm4j.api.process.VmaInfo;
import io.mm4j.testkit.process.naive.Bits;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Consumer;

/** Address spaces whose lists and sums are wrong, each in one way. */
final class ViewFaults {
  private ViewFaults() {}

  private static VmaInfo part(VmaInfo v, long start, long end) {
    long offset = v.file() == null ? 0 : v.offsetBytes() + start - v.start();
    return new VmaInfo(start, end, v.perms(), offset, v.name(), v.file(), v.flags(), "?");
  }

  /** Every VMA reaches into the page behind it. */
  static final class ReachesTooFar extends DelegatingSpace {
    ReachesTooFar(AddressSpace inner) {
      super(inner, ReachesTooFar::new);
    }

    @Override
    public void forEachVma(Consumer<VmaInfo> consumer) {
      super.forEachVma(v -> consumer.accept(part(v, v.start(), v.end() + Bits.PAGE)));
    }
  }

  /** A look-up by address misses a VMA whose last page is meant. */
  static final class MissesTheLastPage extends DelegatingSpace {
    MissesTheLastPage(AddressSpace inner) {
      super(inner, MissesTheLastPage::new);
    }

    @Override
    public void forEachVma(long start, long end, Consumer<VmaInfo> consumer) {
      super.forEachVma(
          start,
          end,
          v -> {
            if (start < v.end() - Bits.PAGE || v.bytes() == Bits.PAGE) {
              consumer.accept(v);
            }
          });
    }
  }

  /** Mappings stay as they were made: those of one call never merge with those of another. */
  static final class NeverMerges extends DelegatingSpace {
    private final Set<Long> borders = new TreeSet<>();

    NeverMerges(AddressSpace inner) {
      super(inner, NeverMerges::new);
    }

    private void border(long start, long len) {
      borders.add(start);
      borders.add(start + Bits.align(len));
    }

    @Override
    public long mmap(long addr, long len, long prot, long flags, long fd, long offset) {
      long result = super.mmap(addr, len, prot, flags, fd, offset);
      if (!Errno.isError(result)) {
        border(result, len);
      }
      return result;
    }

    @Override
    public long mprotect(long addr, long len, long prot) {
      border(addr, len);
      return super.mprotect(addr, len, prot);
    }

    @Override
    public long madvise(long addr, long len, long advice) {
      border(addr, len);
      return super.madvise(addr, len, advice);
    }

    @Override
    public long brk(long addr) {
      borders.add(Bits.align(inner.fields().brk()));
      return super.brk(addr);
    }

    @Override
    public long mremap(long addr, long oldLen, long newLen, long flags, long newAddr) {
      long result = super.mremap(addr, oldLen, newLen, flags, newAddr);
      if (!Errno.isError(result)) {
        border(result, oldLen);
        border(result, newLen);
      }
      return result;
    }

    @Override
    public void forEachVma(Consumer<VmaInfo> consumer) {
      super.forEachVma(v -> cut(v, consumer));
    }

    private void cut(VmaInfo v, Consumer<VmaInfo> consumer) {
      long at = v.start();
      for (long border : borders) {
        if (border > at && border < v.end()) {
          consumer.accept(part(v, at, border));
          at = border;
        }
      }
      consumer.accept(at == v.start() ? v : part(v, at, v.end()));
    }
  }

  /** VMAs that touch are one if their rights are equal, whatever else they are. */
  static final class MergesAcrossOffsets extends DelegatingSpace {
    MergesAcrossOffsets(AddressSpace inner) {
      super(inner, MergesAcrossOffsets::new);
    }

    @Override
    public void forEachVma(Consumer<VmaInfo> consumer) {
      List<VmaInfo> all = new ArrayList<>();
      super.forEachVma(
          v -> {
            VmaInfo last = all.isEmpty() ? null : all.getLast();
            if (last != null && last.end() == v.start() && last.perms().equals(v.perms())) {
              all.set(
                  all.size() - 1,
                  new VmaInfo(
                      last.start(),
                      v.end(),
                      v.perms(),
                      last.offsetBytes(),
                      last.name(),
                      last.file(),
                      last.flags(),
                      "?"));
            } else {
              all.add(v);
            }
          });
      all.forEach(consumer);
    }
  }

  static final class StandsStill extends DelegatingSpace {
    StandsStill(AddressSpace inner) {
      super(inner, StandsStill::new);
    }

    @Override
    public long mapsGeneration() {
      return 7;
    }
  }

  static final class CountsTheLargest extends DelegatingSpace {
    private int most;

    CountsTheLargest(AddressSpace inner) {
      super(inner, CountsTheLargest::new);
    }

    @Override
    public MmFields fields() {
      EditedFields fields = new EditedFields(super.fields());
      most = Math.max(most, fields.mapCount);
      fields.mapCount = most;
      return fields.build();
    }
  }

  static final class KeepsTheCache extends DelegatingSpace {
    private long last = -1;

    KeepsTheCache(AddressSpace inner) {
      super(inner, KeepsTheCache::new);
    }

    @Override
    public long munmap(long addr, long len) {
      long result = super.munmap(addr, len);
      last = result == 0 ? addr : last;
      return result;
    }

    @Override
    public MmFields fields() {
      EditedFields fields = new EditedFields(super.fields());
      fields.mmapCache = last == -1 ? fields.mmapCache : last;
      return fields.build();
    }
  }

  /** Sums that calls add to without looking at what they changed. */
  static final class CountsWhatWasAsked extends DelegatingSpace {
    private long total;
    private long locked;
    private long committed;

    CountsWhatWasAsked(AddressSpace inner) {
      super(inner, CountsWhatWasAsked::new);
    }

    @Override
    public long munmap(long addr, long len) {
      long before = inner.fields().totalVmPages();
      long result = super.munmap(addr, len);
      if (result == 0) {
        total += before - inner.fields().totalVmPages() - Bits.align(len) / Bits.PAGE;
      }
      return result;
    }

    @Override
    public long mlock(long addr, long len) {
      long before = inner.fields().lockedVmPages();
      long result = super.mlock(addr, len);
      if (result == 0) {
        locked += before + Bits.align(len) / Bits.PAGE - inner.fields().lockedVmPages();
      }
      return result;
    }

    @Override
    public long mremap(long addr, long oldLen, long newLen, long flags, long newAddr) {
      long result = super.mremap(addr, oldLen, newLen, flags, newAddr);
      committed += !Errno.isError(result) && result != addr ? 1 : 0;
      return result;
    }

    @Override
    public MmFields fields() {
      EditedFields fields = new EditedFields(super.fields());
      fields.totalVmPages += total;
      fields.lockedVmPages += locked;
      fields.committedPages += committed;
      return fields.build();
    }
  }

  static final class ExecIsData extends DelegatingSpace {
    ExecIsData(AddressSpace inner) {
      super(inner, ExecIsData::new);
    }

    @Override
    public MmFields fields() {
      EditedFields fields = new EditedFields(super.fields());
      fields.dataVmPages += super.fields().execVmPages();
      return fields.build();
    }
  }

  static final class PeakFalls extends DelegatingSpace {
    PeakFalls(AddressSpace inner) {
      super(inner, PeakFalls::new);
    }

    @Override
    public MmFields fields() {
      EditedFields fields = new EditedFields(super.fields());
      fields.hiwaterVmPages = fields.totalVmPages;
      return fields.build();
    }
  }

  static final class RssNeverFalls extends DelegatingSpace {
    private long most;

    RssNeverFalls(AddressSpace inner) {
      super(inner, RssNeverFalls::new);
    }

    @Override
    public MmFields fields() {
      EditedFields fields = new EditedFields(super.fields());
      most = Math.max(most, fields.rssPages);
      fields.rssPages = most;
      return fields.build();
    }
  }

  /** Page tables are counted where pages are. */
  static final class TablesByPages extends DelegatingSpace {
    TablesByPages(AddressSpace inner) {
      super(inner, TablesByPages::new);
    }

    @Override
    public MmFields fields() {
      Set<String> tables = new TreeSet<>();
      inner.forEachVma(
          vma -> {
            long at = vma.start();
            for (String run : vma.pages().split(",", -1)) {
              long pages = run.length() < 2 ? 0 : Long.parseLong(run.substring(1));
              for (long i = 0; i < pages && run.charAt(0) != '.'; i++) {
                for (int shift = 21; shift < 48; shift += 9) {
                  tables.add(shift + " " + ((at + i * 4096) >>> shift));
                }
              }
              at += pages * 4096;
            }
          });
      EditedFields fields = new EditedFields(inner.fields());
      fields.tablePages = tables.size();
      return fields.build();
    }
  }
}
