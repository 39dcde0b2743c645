// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.strace;

import io.mm4j.replay.vma.CallName;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Which calls a log may show, and what they are for the replay. */
final class Calls {
  /** Calls that newer kernels have and an older strace prints by number, the same everywhere. */
  private static final Map<String, String> BY_NUMBER =
      Map.of("syscall_0x1ce", "mseal", "syscall_462", "mseal");

  private static final Set<String> REPLAYED =
      Set.of(
          "mmap",
          "munmap",
          "mprotect",
          "msync",
          "mremap",
          "brk",
          "madvise",
          "mlock",
          "munlock",
          "mlock2",
          "mlockall",
          "munlockall",
          "mseal",
          "mincore",
          "pkey_mprotect",
          "pkey_alloc",
          "pkey_free",
          "remap_file_pages",
          "mbind",
          "set_mempolicy",
          "set_mempolicy_home_node");

  /** Calls that change an address space in ways that are not modelled; what each does. */
  private static final Map<String, String> NOT_MODELLED =
      Map.ofEntries(
          Map.entry("io_setup", "maps a ring"),
          Map.entry("io_destroy", "unmaps a ring"),
          Map.entry("map_shadow_stack", "maps a shadow stack"),
          Map.entry("uselib", "maps a library"),
          Map.entry("process_madvise", "advises about another process's memory"),
          Map.entry("process_mrelease", "takes another process's memory away"));

  private Calls() {}

  /** The usual name of a call: {@code mmap} for {@code mmap2} and {@code old_mmap}. */
  static String usualName(String name) {
    return switch (name) {
      case "mmap2", "old_mmap" -> "mmap";
      case "ugetrlimit" -> "getrlimit";
      default -> BY_NUMBER.getOrDefault(name, name);
    };
  }

  /** The call behind strace's name for it, or null if it is no memory call that is replayed. */
  static @Nullable CallName name(String name) {
    String usual = usualName(name);
    return REPLAYED.contains(usual) ? CallName.of(usual) : null;
  }

  /** Whether the replay depends on this call's line being whole. */
  static boolean isMemoryCall(String name) {
    return name(name) != null || name.equals("shmat") || name.equals("shmdt");
  }

  /** Whether strace printed the call by its number, with all six registers. */
  static boolean isByNumber(String name) {
    return BY_NUMBER.containsKey(name);
  }

  /** Whether it makes a process or a thread. */
  static boolean isBirth(String name) {
    return switch (name) {
      case "clone", "clone2", "clone3", "fork", "vfork" -> true;
      default -> false;
    };
  }

  /**
   * What a call does to an address space that is not modelled here, null if nothing.
   *
   * @param line a call that succeeded
   */
  static @Nullable String notModelled(StraceLine line) {
    String first = line.args().isEmpty() ? "" : line.args().getFirst();
    return switch (line.name()) {
      case "prctl" -> prctl(first);
      case "personality" ->
          first.contains("READ_IMPLIES_EXEC") || first.contains("ADDR_COMPAT_LAYOUT")
              ? first + " from there on"
              : null;
      case "arch_prctl" -> first.contains("SHSTK_ENABLE") ? "a shadow stack is mapped by it" : null;
      default -> NOT_MODELLED.get(line.name());
    };
  }

  private static @Nullable String prctl(String first) {
    if (first.equals("PR_SET_VMA")) {
      return "a VMA gets a name, so that it does not merge with others";
    }
    if (first.equals("PR_SET_MM")) {
      return "fields of mm_struct are set";
    }
    return null;
  }
}
