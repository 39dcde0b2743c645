// SPDX-License-Identifier: Apache-2.0

package io.mm4j.physical.ram;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.mm4j.api.CorruptStateError;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * RAM by {@code mmap(MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE)}: reserving a tebibyte takes no
 * time and no memory, pages come with the first touch. Linux only; needs native access.
 */
@SuppressWarnings("restricted") // the whole class is about host memory that Java knows nothing of
final class NativeRam implements Ram {
  private static final int PROT_READ_WRITE = 3;
  private static final int MAP_PRIVATE_ANONYMOUS_NORESERVE = 0x4022;
  private static final int MADV_DONTNEED = 4;

  private final Arena arena = Arena.ofShared();
  private final MemorySegment segment;

  private NativeRam(MemorySegment address, long bytes) {
    segment = address.reinterpret(bytes, arena, mapped -> munmap(mapped.address(), bytes));
  }

  /** Reserves the memory, or returns null if this JVM may not or the host will not. */
  static @Nullable Ram map(long bytes) {
    if (!System.getProperty("os.name").toLowerCase(Locale.ROOT).startsWith("linux")) {
      return null;
    }
    try {
      var address =
          (MemorySegment)
              Mmap.CALL.invokeExact(
                  MemorySegment.NULL,
                  bytes,
                  PROT_READ_WRITE,
                  MAP_PRIVATE_ANONYMOUS_NORESERVE,
                  -1,
                  0L);
      return address.address() == -1 ? null : new NativeRam(address, bytes);
    } catch (IllegalCallerException | LinkageError e) {
      return null; // native access is denied
    } catch (Throwable e) {
      throw rethrow(e);
    }
  }

  private static void munmap(long address, long bytes) {
    try {
      int error = (int) Munmap.CALL.invokeExact(MemorySegment.ofAddress(address), bytes);
      CorruptStateError.check(error == 0, "munmap failed: address=" + address + " bytes=" + bytes);
    } catch (Throwable e) {
      throw rethrow(e);
    }
  }

  @Override
  public MemorySegment segment() {
    return segment;
  }

  @Override
  public void discard(long offset, long bytes) {
    try {
      int error =
          (int) Madvise.CALL.invokeExact(segment.asSlice(offset, bytes), bytes, MADV_DONTNEED);
      CorruptStateError.check(error == 0, "madvise failed: offset=" + offset + " bytes=" + bytes);
    } catch (Throwable e) {
      throw rethrow(e);
    }
  }

  @Override
  public void close() {
    arena.close();
  }

  /** A downcall throws nothing checked, but its method handle is declared to. */
  private static RuntimeException rethrow(Throwable e) {
    switch (e) {
      case RuntimeException runtime -> throw runtime;
      case Error error -> throw error;
      default -> throw new AssertionError(e);
    }
  }

  /**
   * Each is linked at its first use: that costs a start some ten milliseconds, and may be denied.
   */
  private static MethodHandle link(String name, FunctionDescriptor type) {
    Linker linker = Linker.nativeLinker();
    return linker.downcallHandle(linker.defaultLookup().findOrThrow(name), type);
  }

  private static final class Mmap {
    static final MethodHandle CALL =
        link(
            "mmap",
            FunctionDescriptor.of(
                ADDRESS, ADDRESS, JAVA_LONG, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_LONG));
  }

  private static final class Munmap {
    static final MethodHandle CALL =
        link("munmap", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_LONG));
  }

  private static final class Madvise {
    static final MethodHandle CALL =
        link("madvise", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT));
  }
}
