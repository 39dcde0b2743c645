// SPDX-License-Identifier: Apache-2.0

package io.mm4j.physical.ram;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.mm4j.api.CorruptStateError;
import io.mm4j.api.MisuseException;
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

  private final Arena arena;
  private final MemorySegment segment;

  private NativeRam(MemorySegment address, long bytes, Arena arena) {
    this.arena = arena;
    segment = address.reinterpret(bytes, arena, mapped -> munmap(mapped, bytes));
  }

  /** Reserves the memory, or returns null if this JVM may not or the host will not. */
  static @Nullable Ram map(long bytes, Arena arena) {
    if (!System.getProperty("os.name").toLowerCase(Locale.ROOT).startsWith("linux")) {
      return null;
    }
    try {
      long address =
          call(
              Host.MMAP,
              MemorySegment.NULL,
              bytes,
              PROT_READ_WRITE,
              MAP_PRIVATE_ANONYMOUS_NORESERVE,
              -1);
      return address == -1 ? null : new NativeRam(MemorySegment.ofAddress(address), bytes, arena);
    } catch (IllegalCallerException | LinkageError e) {
      return null; // native access is denied
    }
  }

  private static void munmap(MemorySegment mapped, long bytes) {
    int error = (int) call(Host.MUNMAP, mapped, bytes, 0, 0, 0);
    CorruptStateError.check(error == 0, "munmap failed: " + mapped + " bytes=" + bytes);
  }

  @Override
  public MemorySegment segment() {
    return segment;
  }

  @Override
  public MemorySegment everywhere() {
    return Host.EVERYWHERE;
  }

  @Override
  public void discard(long offset, long bytes) {
    if (!segment.scope().isAlive()) { // its addresses may be somebody else's now
      throw new MisuseException("discard after close: offset=" + offset + " bytes=" + bytes);
    }
    // The call holds the segment, so that nobody else can close it before it has returned.
    MemorySegment part = segment.asSlice(offset, bytes);
    int error = (int) call(Host.MADVISE, part, bytes, MADV_DONTNEED, 0, 0);
    CorruptStateError.check(error == 0, "madvise failed: offset=" + offset + " bytes=" + bytes);
  }

  @Override
  public void close() {
    arena.close();
  }

  /** Calls a function of the host, in mmap's shape; its offset is always 0. */
  private static long call(
      MemorySegment function, MemorySegment at, long bytes, int third, int fourth, int fifth) {
    try {
      return (long) Host.CALL.invokeExact(function, at, bytes, third, fourth, fifth, 0L);
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new AssertionError(e); // a downcall throws nothing checked
    }
  }

  /**
   * What is called. To link a shape costs a start some ten milliseconds, so all have that of mmap:
   * arguments that a function does not have lie in registers, or on the stack, that it does not
   * read, and of a result that is an int the lower half counts. May be denied at its first use.
   */
  private static final class Host {
    static final MethodHandle CALL =
        Linker.nativeLinker()
            .downcallHandle(
                FunctionDescriptor.of(
                    JAVA_LONG, ADDRESS, JAVA_LONG, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_LONG));
    static final MemorySegment EVERYWHERE = MemorySegment.NULL.reinterpret(Long.MAX_VALUE);
    static final MemorySegment MMAP = find("mmap");
    static final MemorySegment MUNMAP = find("munmap");
    static final MemorySegment MADVISE = find("madvise");

    private static MemorySegment find(String name) {
      return Linker.nativeLinker().defaultLookup().findOrThrow(name);
    }
  }
}
