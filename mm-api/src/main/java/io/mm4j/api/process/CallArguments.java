// SPDX-License-Identifier: Apache-2.0
package io.mm4j.api.process;

import java.util.List;
import java.util.Map;
import org.apiguardian.api.API;
import org.jspecify.annotations.Nullable;

/**
 * The arguments of the calls that an {@link AddressSpace} has methods for, in order and by the
 * names that the kernel gave them (SYSCALL_DEFINE in mm of Linux 6.18): those that tracers print.
 * {@link Syscall#arguments} has those of other calls.
 */
@API(status = API.Status.EXPERIMENTAL)
public final class CallArguments {
  private static final Map<String, List<String>> NAMES =
      Map.ofEntries(
          Map.entry("mmap", List.of("addr", "len", "prot", "flags", "fd", "off")),
          Map.entry("munmap", List.of("addr", "len")),
          Map.entry("mprotect", List.of("start", "len", "prot")),
          Map.entry("mremap", List.of("addr", "old_len", "new_len", "flags", "new_addr")),
          Map.entry("brk", List.of("brk")),
          Map.entry("madvise", List.of("start", "len_in", "behavior")),
          Map.entry("mlock", List.of("start", "len")),
          Map.entry("mlock2", List.of("start", "len", "flags")),
          Map.entry("munlock", List.of("start", "len")),
          Map.entry("mlockall", List.of("flags")),
          Map.entry("munlockall", List.of()),
          Map.entry("msync", List.of("start", "len", "flags")),
          Map.entry("mseal", List.of("start", "len", "flags")));

  private CallArguments() {}

  /** The names of a call's arguments, {@code mmap}; null if it is none of these calls. */
  public static @Nullable List<String> of(String call) {
    return NAMES.get(call);
  }
}
