// SPDX-License-Identifier: Apache-2.0

package io.mm4j.physical.ram;

import io.mm4j.api.memory.BootAllocator;
import io.mm4j.api.memory.Contents;
import io.mm4j.api.memory.HostTable;
import io.mm4j.api.memory.MemMap;
import io.mm4j.api.memory.Node;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.memory.PhysicalMemory;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Objects;

/**
 * Physical memory of which only the kernel's frames have bytes. Whoever owns a frame decides at
 * each access; an access that has no effect is refused where others are, too.
 */
final class TablesMemory implements PhysicalMemory {
  private final PhysicalMemory all;
  private final MemMap memMap;

  /**
   * Over a memory of which all frames have bytes.
   *
   * @param all closed with this one
   */
  TablesMemory(PhysicalMemory all) {
    this.all = all;
    this.memMap = all.memMap();
  }

  private boolean drops(long paddr) {
    return !hasBytes(paddr >>> Pages.PAGE_SHIFT);
  }

  private void checkFrames(long pfn, long pages) {
    Objects.checkFromIndexSize(pfn, pages, memMap.endPfn());
  }

  @Override
  public Contents contents() {
    return Contents.TABLES;
  }

  @Override
  public MemMap memMap() {
    return memMap;
  }

  @Override
  public BootAllocator bootAllocator() {
    return all.bootAllocator();
  }

  @Override
  public List<Node> nodes() {
    return all.nodes();
  }

  @Override
  public MemorySegment ram() {
    return all.ram();
  }

  @Override
  public HostTable table(long bytes) {
    return all.table(bytes);
  }

  @Override
  public long getLong(long paddr) {
    long value = all.getLong(paddr);
    return drops(paddr) ? 0 : value;
  }

  @Override
  public void putLong(long paddr, long value) {
    long _ = all.getLong(paddr);
    if (!drops(paddr)) {
      all.putLong(paddr, value);
    }
  }

  @Override
  public int getInt(long paddr) {
    int value = all.getInt(paddr);
    return drops(paddr) ? 0 : value;
  }

  @Override
  public void putInt(long paddr, int value) {
    int _ = all.getInt(paddr);
    if (!drops(paddr)) {
      all.putInt(paddr, value);
    }
  }

  @Override
  public byte getByte(long paddr) {
    byte value = all.getByte(paddr);
    return drops(paddr) ? 0 : value;
  }

  @Override
  public void putByte(long paddr, byte value) {
    byte _ = all.getByte(paddr);
    if (!drops(paddr)) {
      all.putByte(paddr, value);
    }
  }

  @Override
  public void clearPages(long pfn, int order) {
    checkFrames(pfn, 1L << order);
    for (long p = pfn; p < pfn + (1L << order); p++) {
      if (hasBytes(p)) {
        all.clearPages(p, 0);
      }
    }
  }

  @Override
  public void copyPage(long destinationPfn, long sourcePfn) {
    checkFrames(destinationPfn, 1);
    checkFrames(sourcePfn, 1);
    if (!hasBytes(sourcePfn)) {
      clearPages(destinationPfn, 0);
    } else if (hasBytes(destinationPfn)) {
      all.copyPage(destinationPfn, sourcePfn);
    }
  }

  @Override
  public void discard(long pfn, long pages) {
    all.discard(pfn, pages);
  }

  @Override
  public void validate() {
    all.validate();
  }

  @Override
  public void close() {
    all.close();
  }

  @Override
  public String toString() {
    return all + " of the kernel's frames only";
  }
}
