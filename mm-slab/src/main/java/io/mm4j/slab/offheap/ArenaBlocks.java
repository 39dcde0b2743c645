// SPDX-License-Identifier: Apache-2.0

package io.mm4j.slab.offheap;

import org.jspecify.annotations.Nullable;

/**
 * Memory that stays at hand for confined arenas: a few blocks, from which an arena cuts its small
 * segments one after another, so that neither they nor its end need the slab allocator.
 *
 * <p>A thread's number says which two blocks its arenas may have; an arena that finds both taken
 * has objects instead. So any number of threads and of open arenas holds a bounded part of the
 * heap: {@link #PART}. Blocks get their memory when they are first taken, and lose it when the heap
 * is trimmed or full.
 */
final class ArenaBlocks {
  /** What a block has. */
  static final int BYTES = 8192;

  /** No more than this part of the heap is kept. */
  private static final int PART = 64;

  private static final int BLOCKS_PER_CPU = 8;
  private static final int MOST = 1024;

  private final ArenaBlock[] blocks;
  private final int shift;

  /** For a heap of so many bytes and CPUs. */
  ArenaBlocks(long capacity, int cpus) {
    long most = Math.min(capacity / PART / BYTES, Math.min(cpus * BLOCKS_PER_CPU, MOST));
    blocks = new ArenaBlock[Integer.highestOneBit((int) Math.max(2, most))];
    for (int i = 0; i < blocks.length; i++) {
      blocks[i] = new ArenaBlock();
    }
    shift = Integer.numberOfLeadingZeros(blocks.length) + 1;
  }

  /** A block that nobody else has, to be given back; null if there is none for this thread. */
  @Nullable ArenaBlock take(Thread thread) {
    int hash = (int) ((thread.threadId() * 0x9E37_79B9_7F4A_7C15L) >>> 32);
    ArenaBlock block = blocks[hash >>> shift];
    if (block.tryTake(ArenaBlock.ARENA)) {
      return block;
    }
    ArenaBlock other = blocks[(hash >>> shift) ^ 1];
    return other.tryTake(ArenaBlock.ARENA) ? other : null;
  }

  /** The memory of all blocks that nobody has goes back; whether there was any. */
  boolean empty(OffHeap heap) {
    boolean any = false;
    for (ArenaBlock block : blocks) {
      if (block.tryTake(ArenaBlock.KEPT)) {
        long offset = block.offset;
        block.offset = 0;
        if (offset != 0) {
          heap.giveBlock(offset);
          any = true;
        }
        block.give();
      }
    }
    return any;
  }

  /** The memory of all blocks goes back and nobody gets one any more; not if somebody has one. */
  boolean close(OffHeap heap) {
    for (int i = 0; i < blocks.length; i++) {
      while (!blocks[i].tryTake(ArenaBlock.KEPT)) {
        if (blocks[i].isArenas()) {
          for (int taken = 0; taken < i; taken++) {
            blocks[taken].give();
          }
          return false;
        }
        Thread.onSpinWait(); // somebody gives its memory back
      }
    }
    for (ArenaBlock block : blocks) {
      if (block.offset != 0) {
        heap.giveBlock(block.offset);
      }
    }
    return true;
  }

  /** Open arenas that have a block. */
  int arenas() {
    int count = 0;
    for (ArenaBlock block : blocks) {
      if (block.isArenas()) {
        count++;
      }
    }
    return count;
  }

  /** How many segments there have been. */
  long allocations() {
    long sum = 0;
    for (ArenaBlock block : blocks) {
      sum += block.allocations;
    }
    return sum;
  }

  /** How many of them are gone. */
  long frees() {
    long sum = 0;
    for (ArenaBlock block : blocks) {
      sum += block.frees;
    }
    return sum;
  }
}
