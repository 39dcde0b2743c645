// SPDX-License-Identifier: Apache-2.0

package io.mm4j.slab.offheap;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Fills parts of a heap with zeroes: few bytes by stores, more by the {@code memset()} of the C
 * library, which takes a third of the time of {@link MemorySegment#fill}; by the latter where
 * native access is denied.
 */
final class Zeroes {
  /** So many bytes and fewer are stores. */
  static final int FEW = 64;

  /** What one call fills of memory in caches: glibc fills more by an instruction that is slower. */
  private static final long PIECE = 2048;

  /** What one call fills of any memory: it holds up safepoints meanwhile. */
  private static final long LARGE_PIECE = 1 << 16;

  private static final @Nullable MethodHandle OF_ADDRESS = memset(JAVA_LONG);
  private static final @Nullable MethodHandle OF_SEGMENT = memset(ADDRESS);

  private Zeroes() {}

  @SuppressWarnings("restricted") // a function of the host
  private static @Nullable MethodHandle memset(MemoryLayout where) {
    try {
      Linker linker = Linker.nativeLinker();
      return linker.downcallHandle(
          linker.defaultLookup().findOrThrow("memset"),
          FunctionDescriptor.of(JAVA_LONG, where, JAVA_INT, JAVA_LONG),
          Linker.Option.critical(false));
    } catch (RuntimeException | LinkageError e) {
      return null; // native access is denied, or the host has no such function
    }
  }

  /**
   * Fills memory that cannot go away meanwhile, as whoever calls has a block of it.
   *
   * @param room bytes that may be written from there on, for whatever they hold
   */
  static void fillOwned(MemorySegment ram, long start, long bytes, long room) {
    if (bytes <= FEW && room >= FEW) {
      MemorySegment few = ram.asSlice(start, FEW);
      for (int at = 0; at < FEW; at += Long.BYTES) {
        few.set(JAVA_LONG_UNALIGNED, at, 0);
      }
    } else if (OF_ADDRESS == null || bytes <= FEW) {
      MemorySegment _ = ram.asSlice(start, bytes).fill((byte) 0);
    } else {
      long address = ram.address() + start;
      for (long at = 0; at < bytes; at += PIECE) {
        fillPiece(address + at, Math.min(PIECE, bytes - at));
      }
    }
  }

  private static void fillPiece(long address, long bytes) {
    try {
      long _ = (long) Objects.requireNonNull(OF_ADDRESS).invokeExact(address, 0, bytes);
    } catch (Throwable e) {
      throw new AssertionError(e); // a downcall throws nothing
    }
  }

  /** Fills a segment; who closes it meanwhile is refused. */
  static void fill(MemorySegment memory) {
    if (OF_SEGMENT == null || memory.byteSize() <= FEW) {
      MemorySegment _ = memory.fill((byte) 0);
      return;
    }
    long bytes = memory.byteSize();
    for (long at = 0; at < bytes; at += LARGE_PIECE) {
      fillPiece(memory.asSlice(at, Math.min(LARGE_PIECE, bytes - at)));
    }
  }

  private static void fillPiece(MemorySegment piece) {
    try {
      long _ = (long) Objects.requireNonNull(OF_SEGMENT).invokeExact(piece, 0, piece.byteSize());
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new AssertionError(e); // a downcall throws nothing checked
    }
  }
}
