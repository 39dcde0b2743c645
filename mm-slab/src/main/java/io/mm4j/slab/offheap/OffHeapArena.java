// SPDX-License-Identifier: Apache-2.0

package io.mm4j.slab.offheap;

import io.mm4j.api.memory.Pages;
import io.mm4j.api.page.Gfp;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * An {@link Arena} whose segments are objects of an {@link OffHeap}. Scope, bounds and thread rules
 * are those of the JDK's arena that it is made of: closing that one first ends the life of all
 * segments, and is refused where the JDK refuses it; only then do the objects go back.
 */
final class OffHeapArena implements Arena {
  private static final int GFP = Gfp.GFP_KERNEL | Gfp.__GFP_NOWARN | Gfp.__GFP_ZERO;

  private final OffHeap heap;
  private final Arena scope;

  /** Whose it is; null if it is everybody's. */
  private final @Nullable Thread owner;

  /** Guards the offsets of a shared arena. */
  private final @Nullable ReentrantLock lock;

  private long[] offsets = new long[4];
  private int count;

  OffHeapArena(OffHeap heap, Arena scope, @Nullable Thread owner) {
    this.heap = heap;
    this.scope = scope;
    this.owner = owner;
    this.lock = owner == null ? new ReentrantLock() : null;
  }

  @Override
  public MemorySegment.Scope scope() {
    return scope.scope();
  }

  @Override
  public MemorySegment allocate(long byteSize, long byteAlignment) {
    OffHeap.checkShape(byteSize, byteAlignment);
    if (lock == null) {
      if (!Thread.currentThread().equals(owner)) {
        throw new WrongThreadException("an arena of " + owner + " used by another thread");
      }
      return allocateAlone(byteSize, byteAlignment);
    }
    lock.lock();
    try {
      return allocateAlone(byteSize, byteAlignment);
    } finally {
      lock.unlock();
    }
  }

  @SuppressWarnings("restricted") // the object is this arena's, and as long as the segment
  private MemorySegment allocateAlone(long bytes, long align) {
    if (!scope.scope().isAlive()) {
      throw new IllegalStateException("Already closed");
    }
    if (bytes == 0) {
      return MemorySegment.ofAddress(align).reinterpret(scope, null);
    }
    // More than a page: the host's addresses are aligned to pages only.
    boolean wide = align > Pages.PAGE_SIZE;
    long room = wide ? bytes + align : heap.roomFor(bytes, align);
    if (count == offsets.length) {
      offsets = Arrays.copyOf(offsets, count * 2);
    }
    long offset = heap.take(room, bytes, GFP, count == 0);
    offsets[count] = offset;
    count++;
    MemorySegment ram = heap.memory();
    long shift = wide ? -(ram.address() + offset) & (align - 1) : 0;
    return ram.asSlice(offset + shift, bytes).reinterpret(scope, null);
  }

  @Override
  public void close() {
    if (lock == null) {
      scope.close();
      give();
      return;
    }
    lock.lock();
    try {
      scope.close();
      give();
    } finally {
      lock.unlock();
    }
  }

  private void give() {
    int had = count;
    count = 0;
    if (had > 0) {
      heap.freeAll(offsets, had);
    }
  }
}
