// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay;

import io.mm4j.api.InputException;
import java.util.List;
import java.util.regex.Pattern;

/** Texts that people bring and that cannot be played: what is missing in them, and what has it. */
final class KnownText {
  /**
   * A kind of text.
   *
   * @param mark found in its beginning
   */
  private record Kind(Pattern mark, String what, String allowed) {
    static Kind of(String regex, String what, String allowed) {
      return new Kind(Pattern.compile(regex), what, allowed);
    }
  }

  private static final List<Kind> KINDS =
      List.of(
          Kind.of(
              "(?m)^% time +seconds +usecs/call",
              "a summary of strace -c shows no calls", "the log that strace writes without -c"),
          Kind.of(
              "SYSCALL\\[\\d+, ?\\d+\\]\\(",
              "valgrind places mappings by itself, the kernel does not decide",
              "a log of strace, of the program without valgrind"),
          Kind.of(
              "SLUB: Unable to allocate memory",
              "the slab allocator's line says nothing of pages and zones",
              "the page allocation failure report beside it, with 'Mem-Info:'"),
          Kind.of(
              "\\b(?:kmalloc|kmem_cache_alloc)(?:_node)?: call_site=",
              "there are events of objects in it and none of pages",
              "text with the events kmem:mm_page_alloc and kmem:mm_page_free"),
          Kind.of(
              "(?m)^\\d+ [0-9:.]+ \\d+ \\S+ \\(\\d+\\) [<>] \\w+",
              "these are events of sysdig",
              "a log of strace, perf trace or ltrace -S"),
          Kind.of(
              "BIOS-e820|\\(XEN\\) +Xen-e820",
              "this is a boot log: a machine, and nothing that happened on it",
              "`mm explain boot --machine FILE`, or --machine FILE with any other command"),
          Kind.of(
              "(?m)^MemTotal: +\\d+ kB",
              "/proc/meminfo has sums only: not which zone has how much, and in what blocks",
              "/proc/buddyinfo, /proc/zoneinfo, or both in one file"),
          Kind.of(
              "(?m)^[0-9a-f]{8,16}"
                  + " (?:default|bind|interleave|prefer|local)\\b.*(?:file|anon|stack|heap)",
              "numa_maps shows where mappings begin and not where they end",
              "/proc/PID/maps or smaps"),
          Kind.of(
              "\\A\\x7fELF", "this is a program or a core file", "`mm exec FILE` for a program"));

  private KnownText() {}

  /**
   * The error for a text that is no recording.
   *
   * @param start its beginning
   * @param allowed what is one, if nothing better can be said
   */
  static InputException refusal(String start, String where, String allowed) {
    for (Kind kind : KINDS) {
      if (kind.mark().matcher(start).find()) {
        return new InputException(kind.what(), where, kind.allowed());
      }
    }
    return new InputException("this file is no recording", where, allowed);
  }
}
