// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.text;

import io.mm4j.api.InputException;
import java.util.List;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Texts that people bring and that cannot be played: what is missing in them, and what has it. */
public final class KnownText {
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

  private static final String STRACE = "a log of strace: `strace -f -o LOG PROGRAM`";
  private static final String MAPS = "/proc/PID/maps or smaps";
  private static final String ZONES = "/proc/buddyinfo, /proc/zoneinfo, or both in one file";
  private static final String REPORT =
      "a page allocation failure or OOM report, from its first line to the free blocks of the zones"
          + " ('Mem-Info:')";

  private static final List<Kind> KINDS =
      List.of(
          Kind.of(
              "\\A\\x7fELF", "this is a program or a core file", "`mm exec FILE` for a program"),
          Kind.of("\\APERFILE2", "this is perf's own file", "the text that `perf script` makes"),
          Kind.of(
              "\\A\\x17\\x08Dtracing",
              "this is trace-cmd's own file",
              "the text that `trace-cmd report` makes"),
          Kind.of(
              "\\ALPKSHHRH",
              "this is the journal's own file",
              "the text that `journalctl -k` makes"),
          Kind.of(
              "\\A(?:BZh|\\xfd7zXZ|\\x28\\xb5\\x2f\\xfd|PK\\x03\\x04)",
              "this file is packed",
              "the text in it, plain or packed by gzip"),
          Kind.of(
              "\\A(?:\\xff\\xfe|\\xfe\\xff)",
              "this text is written in UTF-16, as PowerShell does",
              "the same in ASCII or UTF-8"),
          Kind.of(
              "(?m)^% time +seconds +usecs/call",
              "a summary of strace -c shows no calls", "the log that strace writes without -c"),
          Kind.of(
              "SYSCALL\\[\\d+, ?\\d+\\]\\(",
              "valgrind places mappings by itself, the kernel does not decide",
              "a log of strace, of the program without valgrind"),
          Kind.of(
              "(?m)^= Start$|^@ \\S+ [+<>-] 0x|^==\\d+== |^desc: .*massif|^v 1\\d{4} \\d$"
                  + "|\\|  +\\w+\\(.*\\)(?: \\{| = .*;|;)",
              "it shows what a program asked its own malloc for, not the kernel", STRACE),
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
              "\\bsys_(?:enter|exit)(?:_\\w+)?: |\\bsys_\\w+\\(\\w+: |\\bsys_\\w+ -> ",
              "these are ftrace's events of system calls, which show no paths and no flags by name",
              "what `perf trace` prints of them, or " + STRACE),
          Kind.of(
              "\\btype=SYSCALL msg=audit\\(",
              "the audit log has the calls that its rules chose, and none between them",
              STRACE),
          Kind.of(
              "(?m)^ *\\d+ +\\S+ +(?:CALL|RET) +\\w+",
              "ktrace traces other systems than Linux",
              STRACE),
          Kind.of(
              "(?m)^Attaching \\d+ probes?\\.\\.\\.",
              "bpftrace prints what its script says, which nobody else can read",
              STRACE),
          Kind.of(
              "BIOS-e820|\\(XEN\\) +Xen-e820",
              "this is a boot log: a machine, and nothing that happened on it",
              "`mm explain boot --machine FILE`, or --machine FILE with any other command"),
          Kind.of("\\[rollup\\]", "smaps_rollup has sums only: the mappings are not in it", MAPS),
          Kind.of(
              "(?m)^(?:Node \\d+ )?MemTotal: +\\d+ kB",
              "/proc/meminfo has sums only: not which zone has how much, and in what blocks",
              ZONES),
          Kind.of(
              "(?m)^nr_free_pages \\d+$|^procs -+memory-+|^ +total +used +free\\b"
                  + "|^node \\d+ size: \\d+ MB",
              "it has sums only: not which zone has how much, and in what blocks",
              ZONES),
          Kind.of(
              "(?m)^slabinfo - version|^# ?name +<active_objs>|^ *OBJS +ACTIVE +USE"
                  + "|^Cache +Num +Total",
              "it shows objects of caches, and no page that is free",
              ZONES),
          Kind.of(
              "(?m)^Vm(?:Peak|Size):\\s+\\d+ kB",
              "/proc/PID/status has sums only: the mappings are not in it",
              MAPS),
          Kind.of(
              "(?m)^0x[0-9a-f]{8,16}-0x[0-9a-f]{8,16} +\\d+ \\S+\\+0x[0-9a-f]+/0x",
              "/proc/vmallocinfo shows the kernel's own mappings, of no process",
              MAPS + "; `mm layout` shows the kernel's areas"),
          Kind.of(
              "(?m)^[0-9a-f]{8,16}"
                  + " (?:default|bind|interleave|prefer|local)\\b.*(?:file|anon|stack|heap)",
              "numa_maps shows where mappings begin and not where they end",
              MAPS),
          Kind.of(
              "(?m)^l[r-][w-]\\S* .*\\b[0-9a-f]{4,16}-[0-9a-f]{4,16} -> ",
              "map_files shows no permissions, and files only",
              MAPS),
          Kind.of(
              "\\bNT_FILE\\b",
              "a core's list of files shows no permissions, and no memory without a file",
              MAPS),
          Kind.of(
              "(?m)^\\s+0x[0-9a-f]+ - 0x[0-9a-f]+ is (?:load\\d+|\\.\\w+)",
              "gdb's info files shows sections, not mappings",
              "`info proc mappings` of gdb 12 or newer, " + MAPS),
          Kind.of(
              "(?m)^Program Headers:|^ +LOAD +(?:off +)?0x",
              "these are the headers of a program file, not of a process",
              "`mm exec FILE` for the program itself, " + MAPS),
          Kind.of(
              "(?m) => \\S+ \\(0x[0-9a-f]+\\)|PERF_RECORD_MMAP|^0x[0-9a-f]+ - 0x[0-9a-f]+ "
                  + " \\S+|^0x[0-9a-f]+\\+0x[0-9a-f]+ [0-9a-f]+@0x",
              "it shows where files are mapped, and none of the other memory",
              MAPS),
          Kind.of(
              "REGION TYPE +START - END|(?m)^ +PID +START +END +PRT|BaseAddress +EndAddress",
              "these are mappings of another system than Linux",
              MAPS + " of Linux"),
          Kind.of(
              "(?m)^runtime stack:|^goroutine \\d+ \\[",
              "a crash report of Go shows no mappings",
              MAPS + ", or " + STRACE),
          Kind.of(
              "(?m)^Page allocated via order \\d+, mask |^unreferenced object 0x"
                  + "|\\bBad page state in process\\b|\\bpage:[0-9a-f]{8,16} (?:ref)?count:",
              "it tells of single pages or objects, not of what is free",
              REPORT),
          Kind.of(
              "(?m)^Node +\\d+, +zone +\\w+ +-?[01]\\.\\d{3} ",
              "the indices of fragmentation are shares, not numbers of blocks", ZONES),
          Kind.of(
              "\\bDMI type \\d+, |device_type = \"memory\"|\\(prio -?\\d+, (?:ram|i/o)\\)"
                  + "|^grub> ",
              "what hardware, firmware or an emulator has is not yet what a kernel made of it",
              "a boot log, /proc/iomem, lines such as '0x100000-0x1fffffff usable'"),
          Kind.of(
              "vmap allocation for size \\d+ failed|vmalloc: allocation failure: \\d+ bytes\\b",
              "the kernel's vmalloc area had no room: that says nothing of pages and zones",
              "`mm layout` for the area, `mm explain 'vmalloc 1M'` for a request there"),
          Kind.of(
              "cma_alloc: .*alloc failed|cma: number of available pages",
              "an area of CMA had no room; such areas are not modelled",
              REPORT),
          Kind.of(
              "\\bmemory: usage \\d+kB, limit \\d+kB|Memory cgroup out of memory",
              "a memory cgroup was at its limit: no zone refused a page, and the report shows none",
              REPORT),
          Kind.of(
              "\\blowmemorykiller\\b|\\blmkd\\b",
              "Android's low memory killer ends programs before a request for pages fails",
              REPORT),
          Kind.of(
              "Out of memory: Kill(?:ed)? process",
              "the line of the process that was killed says nothing of zones",
              REPORT),
          Kind.of(
              "\\bOops: |BUG: unable to handle|Unable to handle kernel|general protection fault"
                  + "|Kernel panic - ",
              "in this report of the kernel no request for pages failed",
              REPORT));

  private KnownText() {}

  /**
   * The error for a text that is no recording.
   *
   * @param start its beginning
   * @param allowed what is one, if nothing better can be said
   */
  public static InputException refusal(String start, String where, String allowed) {
    InputException known = known(start, where);
    return known == null
        ? new InputException(
            start.isBlank() ? "this file is empty" : "this file is no recording", where, allowed)
        : known;
  }

  /**
   * The error for a text of a kind that is known and cannot be played.
   *
   * @return null if it is of none
   */
  public static @Nullable InputException known(String start, String where) {
    return known(start, where, null);
  }

  /**
   * The same where something else is read.
   *
   * @param allowed what is, null for what has the kind's own answer
   */
  public static @Nullable InputException known(
      String start, String where, @Nullable String allowed) {
    for (Kind kind : KINDS) {
      if (kind.mark().matcher(start).find()) {
        return new InputException(kind.what(), where, allowed == null ? kind.allowed() : allowed);
      }
    }
    return null;
  }
}
