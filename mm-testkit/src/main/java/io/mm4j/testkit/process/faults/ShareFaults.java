// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.faults;

import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.MemSizeStats;
import io.mm4j.api.process.Pagemap;
import io.mm4j.api.process.VmaInfo;
import java.util.HashMap;
import java.util.Map;
import java.util.function.Consumer;

/** Address spaces that are wrong about who shares their pages, each in one way. */
final class ShareFaults {
  private ShareFaults() {}

  /** Every page is this process's alone. */
  static final class AllExclusive extends DelegatingSpace {
    AllExclusive(AddressSpace inner) {
      super(inner, AllExclusive::new);
    }

    @Override
    public void pagemap(long start, long end, Pagemap.Sink sink) {
      super.pagemap(
          start,
          end,
          (addr, entry) -> sink.entry(addr, entry < 0 ? entry | Pagemap.MMAP_EXCLUSIVE : entry));
    }
  }

  /** A page counts as a whole, however many share it. */
  static final class WholeShares extends DelegatingSpace {
    WholeShares(AddressSpace inner) {
      super(inner, WholeShares::new);
    }

    @Override
    public MemSizeStats sizes(long vmaStart) {
      MemSizeStats right = super.sizes(vmaStart);
      EditedSizes sizes = new EditedSizes(right);
      sizes.pss = right.resident() << MemSizeStats.PSS_SHIFT;
      return sizes.build();
    }
  }

  /** What a child has from its parent counts as never written. */
  static final class SharedIsClean extends DelegatingSpace {
    SharedIsClean(AddressSpace inner) {
      super(inner, SharedIsClean::new);
    }

    @Override
    public MemSizeStats sizes(long vmaStart) {
      MemSizeStats right = super.sizes(vmaStart);
      EditedSizes sizes = new EditedSizes(right);
      if (right.anonymous() > 0) {
        sizes.sharedClean += right.sharedDirty();
        sizes.sharedDirty = 0;
      }
      return sizes.build();
    }
  }

  /** What is resident counts as used. */
  static final class AllReferenced extends DelegatingSpace {
    AllReferenced(AddressSpace inner) {
      super(inner, AllReferenced::new);
    }

    @Override
    public MemSizeStats sizes(long vmaStart) {
      MemSizeStats right = super.sizes(vmaStart);
      EditedSizes sizes = new EditedSizes(right);
      sizes.referenced = right.resident();
      return sizes.build();
    }
  }

  /** smaps shows no huge pages. */
  static final class NoHugePages extends DelegatingSpace {
    NoHugePages(AddressSpace inner) {
      super(inner, NoHugePages::new);
    }

    @Override
    public MemSizeStats sizes(long vmaStart) {
      EditedSizes sizes = new EditedSizes(super.sizes(vmaStart));
      sizes.anonymousThp = 0;
      return sizes.build();
    }
  }

  /** Pagemap tells the frame that a page had when it was first looked at. */
  static final class RemembersFrames extends DelegatingSpace {
    private final Map<Long, Long> first = new HashMap<>();

    RemembersFrames(AddressSpace inner) {
      super(inner, RemembersFrames::new);
    }

    @Override
    public void pagemap(long start, long end, Pagemap.Sink sink) {
      super.pagemap(
          start,
          end,
          (addr, entry) -> {
            long pfn = entry & Pagemap.PFRAME;
            long was = entry < 0 ? first.computeIfAbsent(addr, at -> pfn) : pfn;
            sink.entry(addr, (entry & ~Pagemap.PFRAME) | was);
          });
    }
  }

  /** A state is loaded without its pages. */
  static final class LoadsNoPages extends DelegatingSpace {
    LoadsNoPages(AddressSpace inner) {
      super(inner, LoadsNoPages::new);
    }

    @Override
    public void loadVma(VmaInfo v) {
      super.loadVma(
          new VmaInfo(
              v.start(), v.end(), v.perms(), v.offsetBytes(), v.name(), v.file(), v.flags(), "?"));
    }
  }

  /** A part of maps shows what touches it, too. */
  static final class ShowsNeighbours extends DelegatingSpace {
    ShowsNeighbours(AddressSpace inner) {
      super(inner, ShowsNeighbours::new);
    }

    @Override
    public void forEachVma(long start, long end, Consumer<VmaInfo> consumer) {
      super.forEachVma(start, end + 1, consumer);
    }
  }
}
