// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.memory.naive;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.mm4j.api.CorruptStateError;
import io.mm4j.api.InputException;
import io.mm4j.api.memory.BootAllocator;
import io.mm4j.api.memory.Contents;
import io.mm4j.api.memory.FrameStates;
import io.mm4j.api.memory.HostTable;
import io.mm4j.api.memory.MemMap;
import io.mm4j.api.memory.MemoryLayout;
import io.mm4j.api.memory.Node;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.memory.PhysicalMemory;
import io.mm4j.api.memory.Zone;
import io.mm4j.api.plugin.Sizes;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Objects;

/** RAM as one array on the heap; a sparse file for machines of more than 64 MiB. */
public class NaiveMemory implements PhysicalMemory {
  private static final long FEW = 64 << 20;
  private static final long MANY = 1L << 36;

  private final MemoryLayout layout;
  private final MemMap memMap;
  private MemorySegment ram;
  private final Contents contents;
  private BootAllocator boot;

  /** Creates it with a naive {@code mem_map}. */
  public NaiveMemory(MemoryLayout layout, Contents contents) {
    this(layout, contents, new NaiveMemMap(layout, FrameStates.sparse(layout.endPfn())));
  }

  /** Creates it with another {@code mem_map}. */
  public NaiveMemory(MemoryLayout layout, Contents contents, MemMap memMap) {
    this.layout = layout;
    this.memMap = memMap;
    this.contents = contents;
    long bytes = contents != Contents.NONE ? layout.endPfn() << Pages.PAGE_SHIFT : 0;
    this.ram = bytes <= FEW ? MemorySegment.ofArray(new long[(int) (bytes >>> 3)]) : sparse(bytes);
    this.boot = new NaiveMemblock(layout, this::clearBytes);
  }

  /** Memory that costs only what is touched: a file that nobody can see. */
  private static MemorySegment sparse(long bytes) {
    if (bytes > MANY) {
      throw new InputException(
          "RAM of " + Sizes.format(bytes), "physical-memory=naive", "up to " + Sizes.format(MANY));
    }
    try {
      Path file = Files.createTempFile("mm4j-naive", null);
      try (FileChannel channel =
          FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
        return channel.map(FileChannel.MapMode.READ_WRITE, 0, bytes, Arena.ofAuto());
      } finally {
        Files.delete(file);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public HostTable table(long bytes) {
    return HostTable.of(sparse(bytes));
  }

  /** Gives it another boot allocator; nobody has asked for the first one yet. */
  public final void bootBy(BootAllocator other) {
    boot = other;
  }

  /** What a boot allocator clears its blocks by. */
  public final void clearBytes(long start, long bytes) {
    if (contents != Contents.NONE) {
      ram.asSlice(start, bytes).fill((byte) 0);
    }
  }

  @Override
  public MemMap memMap() {
    return memMap;
  }

  @Override
  public BootAllocator bootAllocator() {
    return boot;
  }

  @Override
  public List<Node> nodes() {
    return layout.nodes();
  }

  @Override
  public Contents contents() {
    return contents;
  }

  private boolean kept(long paddr) {
    return hasBytes(paddr >>> Pages.PAGE_SHIFT);
  }

  @Override
  public MemorySegment ram() {
    return ram;
  }

  @Override
  public long getLong(long paddr) {
    if (contents == Contents.NONE) {
      return 0;
    }
    long value = ram.get(JAVA_LONG, paddr);
    return kept(paddr) ? value : 0;
  }

  @Override
  public void putLong(long paddr, long value) {
    if (contents != Contents.NONE) {
      long old = ram.get(JAVA_LONG, paddr);
      ram.set(JAVA_LONG, paddr, kept(paddr) ? value : old);
    }
  }

  @Override
  public int getInt(long paddr) {
    if (contents == Contents.NONE) {
      return 0;
    }
    int value = ram.get(JAVA_INT, paddr);
    return kept(paddr) ? value : 0;
  }

  @Override
  public void putInt(long paddr, int value) {
    if (contents != Contents.NONE) {
      int old = ram.get(JAVA_INT, paddr);
      ram.set(JAVA_INT, paddr, kept(paddr) ? value : old);
    }
  }

  @Override
  public byte getByte(long paddr) {
    if (contents == Contents.NONE) {
      return 0;
    }
    byte value = ram.get(JAVA_BYTE, paddr);
    return kept(paddr) ? value : 0;
  }

  @Override
  public void putByte(long paddr, byte value) {
    if (contents != Contents.NONE) {
      byte old = ram.get(JAVA_BYTE, paddr);
      ram.set(JAVA_BYTE, paddr, kept(paddr) ? value : old);
    }
  }

  @Override
  public void clearPages(long pfn, int order) {
    if (contents == Contents.TABLES) {
      Objects.checkFromIndexSize(pfn, 1L << order, memMap.endPfn());
      for (long p = pfn; p < pfn + (1L << order); p++) {
        discard(p, hasBytes(p) ? 1 : 0);
      }
    } else {
      discard(pfn, 1L << order);
    }
  }

  @Override
  public void copyPage(long destinationPfn, long sourcePfn) {
    if (contents != Contents.NONE) {
      long to = destinationPfn << Pages.PAGE_SHIFT;
      MemorySegment source = ram.asSlice(sourcePfn << Pages.PAGE_SHIFT, Pages.PAGE_SIZE);
      MemorySegment destination = ram.asSlice(to, Pages.PAGE_SIZE);
      if (!hasBytes(sourcePfn)) {
        clearPages(destinationPfn, 0);
      } else if (hasBytes(destinationPfn)) {
        destination.copyFrom(source);
      }
    }
  }

  @Override
  public void discard(long pfn, long pages) {
    if (contents != Contents.NONE) {
      ram.asSlice(pfn << Pages.PAGE_SHIFT, pages << Pages.PAGE_SHIFT).fill((byte) 0);
    }
  }

  @Override
  public void validate() {
    for (Node node : layout.nodes()) {
      for (Zone zone : node.zones()) {
        CorruptStateError.check(
            zone.nodeId() == node.id()
                && zone.managedPages() <= zone.presentPages()
                && zone.presentPages() <= zone.spannedPages(),
            zone + ": managed=" + zone.managedPages() + " present=" + zone.presentPages());
      }
    }
  }

  @Override
  public void close() {
    ram = MemorySegment.NULL;
  }
}
