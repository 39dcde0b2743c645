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
 * An {@link Arena} whose segments are memory of an {@link OffHeap}. Scope, bounds and thread rules
 * are those of the JDK's arena that it is made of: closing that one first ends the life of all
 * segments, and is refused where the JDK refuses it; only then does the memory go back.
 *
 * <p>Small segments of a confined arena are cut from an {@link ArenaBlock}, one behind the other,
 * and zeroed when they are; all others are objects of their own.
 */
final class OffHeapArena implements Arena {
  private static final int GFP = Gfp.GFP_KERNEL | Gfp.__GFP_NOWARN;

  private static final long[] NONE = {};

  private final OffHeap heap;
  private final Arena scope;

  /** Whose it is; null if it is everybody's. */
  private final @Nullable Thread owner;

  /** Guards the offsets of a shared arena. */
  private final @Nullable ReentrantLock lock;

  private long[] offsets = NONE;
  private int count;

  /** Where small segments come from; null if there was none to be had. */
  private @Nullable ArenaBlock block;

  /** Whether the first segment has yet to come, and may take a block. */
  private boolean cuts;

  /** What is left of the block. */
  private long next;

  private long end;

  OffHeapArena(OffHeap heap, Arena scope, @Nullable Thread owner) {
    this.heap = heap;
    this.scope = scope;
    this.owner = owner;
    this.lock = owner == null ? new ReentrantLock() : null;
    this.cuts = owner != null && !heap.remembersCallers();
  }

  @Override
  public MemorySegment.Scope scope() {
    return scope.scope();
  }

  @Override
  public MemorySegment allocate(long byteSize, long byteAlignment) {
    OffHeap.checkShape(byteSize, byteAlignment);
    if (lock != null) {
      return allocateShared(lock, byteSize, byteAlignment);
    }
    Thread thread = Thread.currentThread();
    if (!thread.equals(owner)) {
      throw wrongThread();
    }
    if (cuts && byteSize > 0) {
      openBlock(thread);
    }
    long start = cut(byteSize, byteAlignment);
    return start == 0 ? allocateAlone(byteSize, byteAlignment) : segment(start, byteSize);
  }

  private WrongThreadException wrongThread() {
    return new WrongThreadException("an arena of " + owner + " used by another thread");
  }

  @SuppressWarnings("restricted") // the memory is this arena's, and as long as the segment
  private MemorySegment segment(long start, long bytes) {
    return heap.memory().asSlice(start, bytes).reinterpret(scope, null);
  }

  /** A piece of the block, zeroed; 0 if there is no block or no room in it. */
  private long cut(long bytes, long align) {
    long unit = Math.max(align, Long.BYTES);
    long start = (next + unit - 1) & -unit;
    long after = start + bytes;
    ArenaBlock from = block;
    boolean fits = bytes > 0 && bytes <= ArenaBlocks.BYTES && align <= Pages.PAGE_SIZE;
    if (from == null || !fits || after > end) {
      return 0;
    }
    Zeroes.fillOwned(heap.memory(), start, bytes, end - start); // what follows is nobody's yet
    next = after;
    from.allocations++;
    return start;
  }

  private MemorySegment allocateShared(ReentrantLock guard, long bytes, long align) {
    guard.lock();
    try {
      return allocateAlone(bytes, align);
    } finally {
      guard.unlock();
    }
  }

  @SuppressWarnings("restricted") // no memory at all
  private MemorySegment allocateAlone(long bytes, long align) {
    if (!scope.scope().isAlive()) {
      throw new IllegalStateException("Already closed");
    }
    return bytes == 0
        ? MemorySegment.ofAddress(align).reinterpret(scope, null)
        : segment(object(bytes, align), bytes);
  }

  /** The first segment comes: takes a block if there is one for this thread. */
  private void openBlock(Thread thread) {
    cuts = false;
    ArenaBlock mine = heap.takeBlock(thread);
    if (mine != null) {
      block = mine;
      next = mine.offset;
      end = next + ArenaBlocks.BYTES;
    }
  }

  /** An object of the heap: where the segment begins. */
  private long object(long bytes, long align) {
    // More than a page: the host's addresses are aligned to pages only.
    boolean wide = align > Pages.PAGE_SIZE;
    long room = wide ? bytes + align : heap.roomFor(bytes, align);
    if (count == offsets.length) {
      offsets = Arrays.copyOf(offsets, Math.max(4, count * 2));
    }
    long offset = heap.take(room, bytes, GFP, count == 0 && block == null);
    offsets[count] = offset;
    count++;
    long start = wide ? offset + (-(heap.memory().address() + offset) & (align - 1)) : offset;
    Zeroes.fill(heap.memory().asSlice(start, bytes));
    return start;
  }

  @Override
  public void close() {
    if (lock != null) {
      closeShared(lock);
      return;
    }
    scope.close();
    cuts = false;
    if (count > 0) {
      giveObjects();
    }
    ArenaBlock mine = block;
    if (mine != null) {
      block = null;
      mine.frees = mine.allocations;
      mine.give();
    }
  }

  private void closeShared(ReentrantLock guard) {
    guard.lock();
    try {
      scope.close();
      giveObjects();
    } finally {
      guard.unlock();
    }
  }

  private void giveObjects() {
    int had = count;
    count = 0;
    if (had > 0) {
      heap.freeAll(offsets, had, block == null);
    }
  }
}
