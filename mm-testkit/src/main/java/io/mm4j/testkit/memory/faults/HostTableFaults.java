// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.memory.faults;

import io.mm4j.api.memory.Contents;
import io.mm4j.api.memory.HostTable;
import io.mm4j.api.memory.MemoryLayout;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.memory.PhysicalMemoryProvider;
import io.mm4j.testkit.Fault;
import io.mm4j.testkit.memory.naive.NaiveMemories;
import io.mm4j.testkit.memory.naive.NaiveMemory;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Tables of the host that are wrong, on purpose. */
public final class HostTableFaults {
  private HostTableFaults() {}

  /** All of them. */
  public static List<Fault<PhysicalMemoryProvider>> all() {
    return List.of(
        fault("one-table-for-all", "A table begins where another one is.", OneForAll::new),
        fault("tables-close-too", "Tables are given back with their machine.", ClosesTables::new),
        fault(
            "discards-a-page-more",
            "discard empties the page behind those that it is asked for.",
            PageMore::new));
  }

  private static Fault<PhysicalMemoryProvider> fault(
      String name, String what, NaiveMemories.Factory factory) {
    return new Fault<>(name, what, List.of("PM-39"), new NaiveMemories(name, factory));
  }

  private static final class OneForAll extends NaiveMemory {
    private @Nullable HostTable last;

    OneForAll(MemoryLayout layout, Contents contents) {
      super(layout, contents);
    }

    @Override
    public HostTable table(long bytes) {
      HostTable before = last;
      if (before != null && before.segment().byteSize() >= bytes) {
        return HostTable.of(before.segment().asSlice(0, bytes));
      }
      last = super.table(bytes);
      return last;
    }
  }

  private static final class ClosesTables extends NaiveMemory {
    private final Arena arena = Arena.ofShared();

    ClosesTables(MemoryLayout layout, Contents contents) {
      super(layout, contents);
    }

    @Override
    public HostTable table(long bytes) {
      return HostTable.of(arena.allocate(bytes, Pages.PAGE_SIZE));
    }

    @Override
    public void close() {
      arena.close();
      super.close();
    }
  }

  private static final class PageMore extends NaiveMemory {
    PageMore(MemoryLayout layout, Contents contents) {
      super(layout, contents);
    }

    @Override
    public HostTable table(long bytes) {
      HostTable right = super.table(bytes);
      return new HostTable() {
        @Override
        public MemorySegment segment() {
          return right.segment();
        }

        @Override
        public void discard(long offset, long length) {
          right.discard(offset, Math.min(length + Pages.PAGE_SIZE, bytes - offset));
        }
      };
    }
  }
}
