// SPDX-License-Identifier: Apache-2.0

package io.mm4j.bench.slab;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * {@code malloc} and {@code free} of the library that the system property {@code mm4j.malloc}
 * names, by critical downcalls; one library a JVM, so that the handles are constants.
 */
final class Malloc {
  private static final Path FOLDER = Path.of("/usr/lib/x86_64-linux-gnu");
  static final MethodHandle MALLOC = link("malloc", FunctionDescriptor.of(JAVA_LONG, JAVA_LONG));
  static final MethodHandle FREE = link("free", FunctionDescriptor.ofVoid(JAVA_LONG));

  private Malloc() {}

  /** The file of a library. */
  static Path file(String library) {
    return FOLDER.resolve(
        switch (library) {
          case "glibc" -> "libc.so.6";
          case "jemalloc" -> "libjemalloc.so.2";
          case "mimalloc" -> "libmimalloc.so.2";
          case "tcmalloc" -> "libtcmalloc_minimal.so.4";
          default -> throw new IllegalArgumentException("no such library: " + library);
        });
  }

  /** Whether it is on this machine. */
  static boolean isThere(String library) {
    return Files.exists(file(library));
  }

  @SuppressWarnings("restricted") // the peers are native
  private static MethodHandle link(String name, FunctionDescriptor descriptor) {
    String library = System.getProperty("mm4j.malloc", "glibc");
    SymbolLookup lookup = SymbolLookup.libraryLookup(file(library), Arena.global());
    return Linker.nativeLinker()
        .downcallHandle(lookup.findOrThrow(name), descriptor, Linker.Option.critical(false));
  }

  static long malloc(long bytes) {
    try {
      return (long) MALLOC.invokeExact(bytes);
    } catch (Throwable t) {
      throw new AssertionError(t);
    }
  }

  static void free(long address) {
    try {
      FREE.invokeExact(address);
    } catch (Throwable t) {
      throw new AssertionError(t);
    }
  }
}
