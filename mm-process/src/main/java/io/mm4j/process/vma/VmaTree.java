// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.vma;

import io.mm4j.api.CorruptStateError;
import io.mm4j.api.vma.VmaIndex;
import io.mm4j.process.page.AnonTable;
import io.mm4j.process.page.PageTable;
import java.util.Arrays;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * The VMAs of one address space: the index of their ranges, and the objects by handle. Objects are
 * pooled, so that mapping and unmapping allocate nothing in the long run.
 *
 * <p>{@link #allocationFails()} stands before every change that needs memory; the change itself
 * cannot fail.
 */
public final class VmaTree {
  private final VmaIndex index;
  private final BooleanSupplier allocationFails;
  private @Nullable Vma[] byHandle = new Vma[64];
  private Vma[] pool = new Vma[16];
  private int pooled;
  private long generation;

  /** {@code mmap_cache}: what {@link #find} returned last, unless it has gone since. */
  private @Nullable Vma lastFound;

  private final AnonTable anonTable;
  private final @Nullable PageTable pages;

  /** Which process makes the calls: that of the tree, but in a fork the parent. */
  public int actor;

  /** A tree over an empty index, without page tables. */
  public VmaTree(VmaIndex index, BooleanSupplier allocationFails) {
    this(index, allocationFails, new AnonTable(), null);
  }

  /**
   * A tree over an empty index.
   *
   * @param allocationFails asked at each allocation that the kernel would make
   * @param anonTable where anon_vmas are found by number
   * @param pages the page tables of the address space
   */
  public VmaTree(
      VmaIndex index,
      BooleanSupplier allocationFails,
      AnonTable anonTable,
      @Nullable PageTable pages) {
    this.index = index;
    this.allocationFails = allocationFails;
    this.anonTable = anonTable;
    this.pages = pages;
  }

  /** Where anon_vmas are found by number. */
  AnonTable anonTable() {
    return anonTable;
  }

  /** Whether the kernel's next allocation fails. */
  public boolean allocationFails() {
    return allocationFails.getAsBoolean();
  }

  /**
   * Asks for all that new VMAs need, before anything is changed: objects ({@code vm_area_alloc})
   * and places in the index ({@code vma_iter_prealloc}). Their {@link #insert} cannot fail then.
   *
   * @return false if memory was out or the index is full; nothing has changed
   */
  public boolean prepare(int vmas) {
    for (int i = 0; i < vmas; i++) {
      if (allocationFails()) {
        return false;
      }
    }
    return !allocationFails() && index.reserve(vmas);
  }

  /** The same for a copy of a VMA, which joins its anon_vmas ({@code anon_vma_clone}). */
  boolean prepareCopy(Vma of) {
    return prepare(1) && (of.anonVma == null || !allocationFails());
  }

  /** {@code map_count}. */
  public int size() {
    return index.size();
  }

  /** Changes with every change of a range, of flags or of the set. */
  public long generation() {
    return generation;
  }

  /** Notes a change of flags. */
  public void changed() {
    generation++;
  }

  /** Start of the VMA that {@link #find} returned last, -1 if none or if it has gone. */
  public long lastFound() {
    return lastFound == null ? -1 : lastFound.start;
  }

  /**
   * Start of the VMA at the root of the index; of the first one if none is; -1 if there is none.
   */
  public long rootStart() {
    Vma vma = at(index.rootVma());
    Vma shown = vma == null ? first() : vma;
    return shown == null ? -1 : shown.start;
  }

  /** {@code find_vma}: the lowest VMA that ends above an address (unsigned), or null. */
  public @Nullable Vma find(long addr) {
    Vma vma = addr < 0 ? null : at(index.find(addr));
    if (vma != null) {
      lastFound = vma;
    }
    return vma;
  }

  /** {@code vma_lookup}: the VMA that contains an address, or null. */
  public @Nullable Vma lookup(long addr) {
    Vma vma = find(addr);
    return vma != null && vma.start <= addr ? vma : null;
  }

  /** {@code find_vma_intersection}: the lowest VMA that overlaps [start, end), or null. */
  public @Nullable Vma intersection(long start, long end) {
    Vma vma = find(start);
    return vma != null && vma.start < end ? vma : null;
  }

  /** The last VMA that ends at or below an address, or null. */
  public @Nullable Vma before(long addr) {
    Vma vma = find(addr);
    return vma == null ? at(index.last()) : prev(vma);
  }

  /** The lowest VMA, or null. */
  public @Nullable Vma first() {
    return at(index.first());
  }

  /** The highest VMA, or null. */
  public @Nullable Vma last() {
    return at(index.last());
  }

  /** The VMA behind, or null. */
  public @Nullable Vma next(Vma vma) {
    return at(index.next(vma.handle));
  }

  /** The VMA before, or null. */
  public @Nullable Vma prev(Vma vma) {
    return at(index.prev(vma.handle));
  }

  /** The index, for gap searches. */
  public VmaIndex index() {
    return index;
  }

  /** A VMA without a place yet. Every field but the range is empty. */
  public Vma allocate(long start, long end) {
    Vma vma = pooled == 0 ? new Vma(pages) : pool[--pooled];
    vma.start = start;
    vma.end = end;
    return vma;
  }

  /** A copy of a VMA with its chain, without a place ({@code vm_area_dup}, then clone). */
  public Vma duplicate(Vma from, long start, long end, long pgoff) {
    Vma vma = copyWithoutChain(from, start, end, pgoff);
    vma.anonVma = from.anonVma;
    AnonVmas.cloneChain(vma, from);
    return vma;
  }

  /** A copy of a VMA that has no anon_vma. */
  public Vma copyWithoutChain(Vma from, long start, long end, long pgoff) {
    Vma vma = allocate(start, end);
    vma.pgoff = pgoff;
    vma.flags = from.flags;
    vma.file = from.file;
    vma.backing = from.backing;
    vma.anonName = from.anonName;
    vma.policy = from.policy;
    vma.uffd = from.uffd;
    vma.special = from.special;
    return vma;
  }

  /** Gives an allocated VMA its place. */
  public void insert(Vma vma) {
    int handle = index.insert(vma.start, vma.end);
    if (handle == VmaIndex.NONE) {
      throw new IllegalStateException("index full: size=" + index.size());
    }
    if (handle >= byHandle.length) {
      byHandle = Arrays.copyOf(byHandle, Math.max(handle + 1, byHandle.length * 2));
    }
    byHandle[handle] = vma;
    if (vma.backing != null) {
      vma.backing.get(vma, actor);
    }
    vma.handle = handle;
    generation++;
  }

  /** Changes the bounds of a VMA; neighbours must have made room. */
  public void setRange(Vma vma, long start, long end) {
    index.setRange(vma.handle, start, end);
    vma.start = start;
    vma.end = end;
    generation++;
  }

  /** Takes a VMA out, unlinks its anon_vmas and gives the object back to the pool. */
  public void remove(Vma vma) {
    index.erase(vma.handle);
    byHandle[vma.handle] = null;
    if (lastFound == vma) {
      lastFound = null;
    }
    AnonVmas.unlink(vma);
    if (vma.backing != null) {
      vma.backing.put(vma, actor);
    }
    vma.reset();
    if (pooled == pool.length) {
      pool = Arrays.copyOf(pool, pooled * 2);
    }
    pool[pooled++] = vma;
    generation++;
  }

  /**
   * Checks the objects against the index.
   *
   * @throws CorruptStateError if they disagree
   */
  public void validate() {
    index.validate();
    int n = 0;
    long end = 0;
    for (Vma vma = first(); vma != null; vma = next(vma)) {
      String wrong = AnonVmas.check(vma);
      if (vma.start != index.start(vma.handle) || vma.end != index.end(vma.handle)) {
        wrong = "index has another range";
      } else if (vma.start < end || vma.end <= vma.start || ((vma.start | vma.end) & 4095) != 0) {
        wrong = "not sorted, empty or not page-aligned";
      } else if ((vma.uffd == null) == vma.hasAny(VmFlags.UFFD)) {
        wrong = "userfaultfd and flags disagree: " + VmFlags.letters(vma.flags);
      }
      if (wrong != null) {
        throw new CorruptStateError("vma=" + vma + ": " + wrong);
      }
      end = vma.end;
      n++;
    }
    if (n != index.size()) {
      throw new CorruptStateError("walked=" + n + " size=" + index.size());
    }
  }

  private @Nullable Vma at(int handle) {
    return handle == VmaIndex.NONE ? null : byHandle[handle];
  }
}
