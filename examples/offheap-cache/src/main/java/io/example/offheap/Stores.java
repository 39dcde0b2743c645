// SPDX-License-Identifier: Apache-2.0

package io.example.offheap;

import io.mm4j.slab.offheap.OffHeap;
import io.mm4j.slab.offheap.OffHeapUsage;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.PooledByteBufAllocator;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicLong;

/** The stores. */
final class Stores {
  private Stores() {}

  static Store of(String name, long cap) {
    return switch (name) {
      case "mm-slab" -> new MmStore(cap);
      case "netty" -> new NettyStore(cap);
      case "arena" -> new ArenaStore(cap);
      default -> throw new IllegalArgumentException(name + " is none of mm-slab, netty, arena");
    };
  }

  /** mm-slab: its cap is the heap's own. */
  private static final class MmStore implements Store {
    private final OffHeap heap;

    MmStore(long cap) {
      heap = OffHeap.builder(cap).name("cache").withMetrics().open();
    }

    @Override
    public Value take(int bytes) {
      long offset = heap.malloc(bytes);
      return offset == 0 ? null : new Value(heap.memory().asSlice(offset, bytes), offset);
    }

    @Override
    public void free(Value value) {
      heap.free((Long) value.handle());
    }

    @Override
    public long usedBytes() {
      return heap.usage().usedBytes();
    }

    @Override
    public void close() {
      heap.trim();
      heap.machine().validate();
      OffHeapUsage usage = heap.usage();
      if (usage.allocations() != usage.frees() || usage.usedBytes() != 0) {
        throw new IllegalStateException("lost: " + usage);
      }
      heap.close();
    }
  }

  /** What the others count themselves, as they have no cap. */
  private abstract static class Counted implements Store {
    private final long cap;
    private final AtomicLong used = new AtomicLong();

    Counted(long cap) {
      this.cap = cap;
    }

    abstract Value make(int bytes);

    abstract void end(Value value);

    @Override
    public Value take(int bytes) {
      if (used.addAndGet(bytes) > cap) {
        used.addAndGet(-bytes);
        return null;
      }
      return make(bytes);
    }

    @Override
    public void free(Value value) {
      used.addAndGet(-value.bytes().byteSize());
      end(value);
    }

    @Override
    public long usedBytes() {
      return used.get();
    }

    @Override
    public void close() {
      if (used.get() != 0) {
        throw new IllegalStateException("lost: bytes=" + used);
      }
    }
  }

  private static final class NettyStore extends Counted {
    NettyStore(long cap) {
      super(cap);
    }

    @Override
    Value make(int bytes) {
      ByteBuf buffer = PooledByteBufAllocator.DEFAULT.directBuffer(bytes, bytes);
      MemorySegment segment =
          buffer.hasMemoryAddress()
              ? MemorySegment.ofAddress(buffer.memoryAddress()).reinterpret(bytes)
              : MemorySegment.ofBuffer(buffer.nioBuffer(0, bytes));
      return new Value(segment, buffer);
    }

    @Override
    void end(Value value) {
      ((ByteBuf) value.handle()).release();
    }
  }

  /** A shared arena for each value, as the JDK has no other way to free one. */
  private static final class ArenaStore extends Counted {
    ArenaStore(long cap) {
      super(cap);
    }

    @Override
    Value make(int bytes) {
      Arena arena = Arena.ofShared();
      return new Value(arena.allocate(bytes), arena);
    }

    @Override
    void end(Value value) {
      ((Arena) value.handle()).close();
    }
  }
}
