// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.memory;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.apiguardian.api.API;

/**
 * The RAM of a machine: its bytes, its frames, its nodes and zones.
 *
 * <p>Bytes live off heap and cost the host only what was touched; a frame that was never written
 * reads as zeroes. A machine may be booted with bytes for some frames or none, see {@link
 * Contents}: others read as 0 and writes to them are dropped, which serves replays that only keep
 * books.
 *
 * <p>Addresses are physical byte addresses ({@code paddr}); longs must be aligned to 8. Threads:
 * plain memory, the frame's owner writes. Each access is O(1) and allocates nothing.
 */
@API(status = API.Status.MAINTAINED)
public interface PhysicalMemory extends AutoCloseable {
  /** The frames. */
  MemMap memMap();

  /** The allocator of early boot; of no use once it has handed over. */
  BootAllocator bootAllocator();

  /** The nodes, by number. */
  List<Node> nodes();

  /** {@code page_to_nid()}: the node of a frame, 0 for one that lies in no zone. O(zones). */
  default int nodeOf(long pfn) {
    List<Node> nodes = nodes();
    for (int i = 0; i < nodes.size(); i++) {
      List<Zone> zones = nodes.get(i).zones();
      for (int z = 0; z < zones.size(); z++) {
        if (zones.get(z).contains(pfn)) {
          return nodes.get(i).id();
        }
      }
    }
    return 0;
  }

  /** Which frames have bytes. */
  Contents contents();

  /** Whether any frame has bytes. */
  default boolean hasContents() {
    return contents() != Contents.NONE;
  }

  /** Whether this frame has bytes, as long as its owner is who it is. */
  default boolean hasBytes(long pfn) {
    return contents() == Contents.ALL
        || (contents() == Contents.TABLES && !memMap().owner(pfn).isUser());
  }

  /**
   * RAM as one segment from physical address 0 to the end of the last frame; holes are in it too. A
   * floor with a hot path keeps it in a final field. Empty without contents; with {@link
   * Contents#TABLES} whoever uses it keeps to frames that have bytes.
   */
  MemorySegment ram();

  /** Reads 8 bytes. */
  long getLong(long paddr);

  /** Writes 8 bytes. */
  void putLong(long paddr, long value);

  /** Reads 4 bytes, aligned to 4: a page-table entry of x86-32. */
  int getInt(long paddr);

  /** Writes 4 bytes, aligned to 4. */
  void putInt(long paddr, int value);

  /** Reads a byte. */
  byte getByte(long paddr);

  /** Writes a byte. */
  void putByte(long paddr, byte value);

  /** Fills {@code 1 << order} frames with zeroes: {@code clear_page()}. */
  void clearPages(long pfn, int order);

  /** Copies a frame: {@code copy_page()}. */
  void copyPage(long destinationPfn, long sourcePfn);

  /**
   * Gives the host's memory behind these frames back; they read as zeroes afterwards.
   *
   * @param pages how many frames
   */
  void discard(long pfn, long pages);

  /**
   * Memory of the host for a table of a floor. One that costs only what is touched is better than
   * this one, all of which is written to.
   *
   * @param bytes a multiple of a page
   */
  default HostTable table(long bytes) {
    return HostTable.of(Arena.ofAuto().allocate(bytes, Pages.PAGE_SIZE));
  }

  /**
   * Walks everything and compares it with the fast counters; throws {@link
   * io.mm4j.api.CorruptStateError}.
   */
  void validate();

  /**
   * Gives everything back to the host. Nothing may be read or written afterwards: of frames that
   * had bytes it is refused with an exception.
   */
  @Override
  void close();
}
