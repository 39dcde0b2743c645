// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.strace;

import io.mm4j.replay.FirstDifference;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Where Linux refused a call and the replay did not: what the log cannot show and most likely made
 * the difference.
 */
final class LikelyUnknown {
  private static final Pattern REFUSED =
      Pattern.compile("(?s)([a-z_0-9]+)\\(.*= -1 (E[A-Z0-9]+).*, here (?!-E).*");

  private static final Pattern PLACED =
      Pattern.compile(
          "(?s)mmap2?\\((?:NULL|0), ?.*= 0x([0-9a-f]{1,16})\\b.*, here 0x([0-9a-f]{1,16})");
  private static final long HUGE_MASK = (2L << 20) - 1;

  private static final long LARGE_MASK = (64L << 10) - 1;

  /** Farther than randomization moves where searches begin. */
  private static final long FAR = 1L << 41;

  /** Where qemu-user begins to search, in units of 4 GiB. */
  private static final long QEMU_AREA = 0x40;

  private LikelyUnknown() {}

  /** The likely unknown in words, null if the difference is of another kind. */
  static @Nullable String of(FirstDifference first) {
    Matcher matcher = REFUSED.matcher(first.what());
    if (!matcher.matches()) {
      return placed(first.what());
    }
    String call = Calls.usualName(matcher.group(1));
    return switch (matcher.group(2)) {
      case "ENOMEM" ->
          call.startsWith("mlock") || call.equals("madvise")
              ? "Linux may have had a lower RLIMIT_MEMLOCK, or a range with a hole that the maps do"
                  + " not show: '# rlimit MEMLOCK=...' in the maps sets the limit"
              : "Linux may have had a limit that the log does not show: RLIMIT_AS or RLIMIT_DATA"
                  + " ('# rlimit AS=... DATA=...' in the maps), vm.overcommit_memory=2 or less RAM"
                  + " ('# sysctl overcommit_memory=2', '# memory total_kb=...'), vm.max_map_count,"
                  + " or a cgroup";
      case "EAGAIN" ->
          "Linux may have had a lower RLIMIT_MEMLOCK or no CAP_IPC_LOCK: '# rlimit MEMLOCK=...' and"
              + " '# cred uid=1000 caps=none' in the maps say so";
      case "EPERM" ->
          "a seccomp filter or a sandbox may have refused the call, or it needs a capability: '#"
              + " cred uid=1000 caps=none' in the maps takes them away; a sealed mapping (mseal) of"
              + " a caller before the log, or of the kernel, refuses as well";
      case "EACCES" ->
          (first.what().contains("PROT_EXEC")
                  ? "a security module may have refused memory that is written and executed"
                      + " (SELinux: execmem, execmod); or "
                  : "")
              + "the file may have been opened in another mode than the log shows (openat in the"
              + " trace tells), lie on a file system mounted noexec, or a security module refused";
      case "EINVAL" ->
          "the kernel may be older than 6.18 and not know the call, the flag or the advice";
      case "EFAULT" ->
          "the range may have been several VMAs in Linux, or have had a hole: mappings of two opens"
              + " of one file do not merge (openat and close in the trace tell), and pages that a"
              + " program has written to keep VMAs apart";
      case "ENODEV", "EBADF" ->
          "the descriptor may be something that cannot be mapped, or not be open: openat and close"
              + " in the trace tell";
      case "ENOSYS", "EOPNOTSUPP" -> "the kernel may be older than 6.18 or built without it";
      default -> null;
    };
  }

  /** A place that only huge pages explain: here on a border of 2 MiB, in the log not. */
  private static @Nullable String placed(String what) {
    Matcher matcher = PLACED.matcher(what);
    if (!matcher.matches()) {
      return null;
    }
    long kernel = Long.parseUnsignedLong(matcher.group(1), 16);
    long here = Long.parseUnsignedLong(matcher.group(2), 16);
    if (kernel >>> 32 == QEMU_AREA) {
      return "qemu-user places the mappings of its program by itself, from 0x4000000000 on";
    }
    if (Math.abs(kernel - here) > FAR) {
      return "no search of Linux leads there from these maps: they are those of another process or"
          + " incomplete, or what answered is no Linux (gVisor) or places at random (PaX)";
    }
    if ((kernel & LARGE_MASK) == 0 && (here & LARGE_MASK) != 0) {
      return "if all places in this log are multiples of 0x10000, its machine has pages of 64 kB"
          + " (arm64, ppc64); here they have 4 kB";
    }
    return (here & HUGE_MASK) == 0 && (kernel & HUGE_MASK) != 0
        ? "the kernel of this log placed it without regard to huge pages: one older than 6.7 does,"
            + " and a later one without transparent huge pages or on another file system"
        : null;
  }
}
