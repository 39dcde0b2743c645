// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.vma;

import io.mm4j.api.process.Capability;
import io.mm4j.api.process.MappedFile;
import io.mm4j.api.process.MmLayout;
import io.mm4j.api.process.MmSysctls;
import io.mm4j.api.process.OpenFile;
import io.mm4j.api.process.ThpMode;
import io.mm4j.replay.text.Cursor;
import io.mm4j.replay.vma.VmaHeader.FileLine;
import io.mm4j.replay.vma.VmaHeader.OpenLine;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** Collects the header's lines, in any order, each at most once, and demands all of them. */
public final class HeaderReader {
  private static final long PAGE = 4096;
  private static final List<String> LINES =
      List.of(
          "id",
          "class",
          "scenario",
          "seed",
          "kernel",
          "thp",
          "sysctl",
          "memory",
          "cred",
          "personality",
          "rlimit",
          "mm");
  private static final List<String> THP =
      List.of("enabled", "hugepage_size", "shmem", "mthp", "khugepaged");
  private static final List<String> SYSCTL =
      List.of(
          "overcommit_memory",
          "overcommit_ratio",
          "max_map_count",
          "mmap_min_addr",
          "lsm_mmap_min_addr",
          "legacy_va_layout",
          "stack_guard_gap");
  private static final List<String> MM =
      List.of(
          "mmap_base",
          "topdown",
          "task_size",
          "start_code",
          "end_code",
          "start_data",
          "end_data",
          "start_brk",
          "brk",
          "start_stack",
          "arg_start",
          "arg_end",
          "env_start",
          "env_end");

  private final Map<String, String> texts = new HashMap<>();
  private final Set<String> seen = new HashSet<>();
  private final Map<String, Long> numbers = new HashMap<>();
  private final Set<String> fileNames = new HashSet<>();
  private final Set<String> openNames = new HashSet<>();
  private final Map<String, MappedFile.Kind> mounts = new HashMap<>();
  private final List<FileLine> files = new ArrayList<>();
  private final List<OpenLine> opens = new ArrayList<>();
  private final Map<String, String> options = new TreeMap<>();
  private List<String> personality = List.of();
  private boolean compat32;
  private Set<Capability> capabilities = Set.of();
  private ThpMode thp = ThpMode.NEVER;

  /** Takes one line of the header, the cursor at its start. */
  public void line(Cursor at) {
    if (at.looksAt("file ")) {
      files.add(fileLine(at));
      return;
    }
    if (at.looksAt("open ")) {
      opens.add(openLine(at));
      return;
    }
    if (at.looksAt("option ")) {
      at.expect("option ");
      optionLine(at);
      return;
    }
    int start = at.mark();
    String word = at.atEnd() ? "" : at.word();
    if (!LINES.contains(word) || !seen.add(word)) {
      at.reset(start);
      throw at.unexpected(
          seen.contains(word)
              ? "'" + word + "' only once"
              : "a header line: "
                  + String.join(", ", LINES)
                  + ", file, open, option; or 'state p0'");
    }
    at.expect(" ");
    switch (word) {
      case "id", "class", "scenario", "seed" -> texts.put(word, at.rest());
      case "kernel" -> kernel(at);
      case "thp" -> thpLine(at);
      case "sysctl" -> {
        numbers(at, "sysctl.", SYSCTL, false);
        numbers.put("sysctl.overcommit_kbytes", at.take(" overcommit_kbytes=") ? at.decimal() : 0L);
      }
      case "memory" -> numbers(at, "memory.", List.of("total_kb", "swap_kb"), false);
      case "cred" -> cred(at);
      case "personality" -> personality = List.of(at.word().split(","));
      case "rlimit" -> rlimit(at);
      default -> numbers(at, "mm.", MM, true);
    }
    at.expectEnd();
  }

  private void optionLine(Cursor at) {
    for (String option : at.rest().split(" ", -1)) {
      int equals = option.indexOf('=');
      if (equals <= 0
          || options.putIfAbsent(option.substring(0, equals), option.substring(equals + 1))
              != null) {
        throw at.error("'" + option + "' is no option", "NAME=VALUE, each name once");
      }
    }
  }

  private void kernel(Cursor at) {
    String release = at.word();
    at.expect(" x86_64");
    compat32 = at.take(" i386-compat");
    texts.put("kernel", release);
  }

  private void thpLine(Cursor at) {
    for (String key : THP) {
      if (!key.equals("enabled")) {
        at.expect(" ");
      }
      at.expect(key + "=");
      int start = at.mark();
      String value = at.word();
      switch (key) {
        case "enabled" -> {
          if (!value.equals("never") && !value.equals("madvise") && !value.equals("always")) {
            at.reset(start);
            throw at.unexpected("never, madvise or always");
          }
          thp = ThpMode.valueOf(value.toUpperCase(Locale.ROOT));
        }
        case "hugepage_size" -> {
          if (!value.equals("2097152")) {
            at.reset(start);
            throw at.unexpected("2097152");
          }
        }
        default -> texts.put("thp." + key, value);
      }
    }
  }

  private void numbers(Cursor at, String prefix, List<String> keys, boolean hex) {
    String gap = "";
    for (String key : keys) {
      at.expect(gap + key + "=");
      numbers.put(prefix + key, hex && !key.equals("topdown") ? at.hex() : at.decimal());
      gap = " ";
    }
  }

  private void cred(Cursor at) {
    at.expect("uid=");
    long uid = at.decimal();
    numbers.put("uid", uid);
    numbers.put("gid", at.take(" gid=") ? at.decimal() : uid);
    at.expect(" caps=");
    if (at.take("none")) {
      capabilities = Set.of();
    } else if (at.take("all-but-SYS_RESOURCE")) {
      capabilities = Set.copyOf(EnumSet.complementOf(EnumSet.of(Capability.SYS_RESOURCE)));
    } else if (at.take("all")) {
      capabilities = Set.of(Capability.values());
    } else {
      throw at.unexpected("none, all or all-but-SYS_RESOURCE");
    }
  }

  private void rlimit(Cursor at) {
    String gap = "";
    for (String key : List.of("AS", "DATA", "STACK", "MEMLOCK")) {
      at.expect(gap + key + "=");
      numbers.put("rlimit." + key, limit(at));
      gap = " ";
    }
  }

  /** A limit in bytes, or {@code inf} as -1. */
  static long limit(Cursor at) {
    return at.take("inf") ? -1 : at.decimal();
  }

  /** Takes a {@code file} line; names are unique. */
  FileLine fileLine(Cursor at) {
    at.expect("file ");
    int start = at.mark();
    String name = at.word();
    if (!fileNames.add(name)) {
      at.reset(start);
      throw at.unexpected("a file name not used before");
    }
    at.expect(" size=");
    long size = at.decimal();
    at.expect(" fs=");
    start = at.mark();
    MappedFile.Kind kind = kind(at.word());
    if (kind == null) {
      at.reset(start);
      throw at.unexpected("ext4, tmpfs, hugetlbfs, hugetlbfs_1g, devzero, proc, pipe or other");
    }
    long written = at.take(" written=") ? at.decimal() : 0;
    String mount = "";
    start = at.mark();
    if (at.take(" mount=")) {
      mount = at.word();
      if (mounts.get(mount) != kind || size != 0 || written != 0) {
        at.reset(start);
        throw at.unexpected(
            "of a file of no bytes, a file system of its kind that a 'mount' call named before");
      }
    } else if (kind.isHugetlb()) {
      throw at.unexpected("mount= and a file system that a 'mount' call named before");
    }
    MappedFile.Owner owner = at.take(" owner=") ? owner(at) : null;
    String path = at.take(" path=") ? at.rest() : "";
    at.expectEnd();
    return new FileLine(name, size, kind, path, written, mount, owner);
  }

  /** {@code UID:GID:MODE}, the mode octal. */
  private static MappedFile.Owner owner(Cursor at) {
    long uid = at.decimal();
    at.expect(":");
    long gid = at.decimal();
    at.expect(":");
    int mark = at.mark();
    String mode = at.word();
    if (!mode.matches("0[0-7]{3,4}")) {
      at.reset(mark);
      throw at.unexpected("a mode such as 0644");
    }
    return new MappedFile.Owner(uid, gid, Integer.parseInt(mode, 8));
  }

  /** The kind of files of a file system, null for an unknown word. */
  static MappedFile.@Nullable Kind kind(String word) {
    return switch (word) {
      case "ext4" -> MappedFile.Kind.EXT4;
      case "tmpfs" -> MappedFile.Kind.TMPFS;
      case "hugetlbfs" -> MappedFile.Kind.HUGETLB;
      case "hugetlbfs_1g" -> MappedFile.Kind.HUGETLB_1G;
      case "devzero" -> MappedFile.Kind.DEV_ZERO;
      case "proc" -> MappedFile.Kind.PROC;
      case "pipe" -> MappedFile.Kind.PIPE;
      case "other" -> MappedFile.Kind.OTHER;
      default -> null;
    };
  }

  /** Takes the name of a file system that a call mounts. */
  void newMount(Cursor at, @Nullable String name, MappedFile.Kind kind) {
    if (name == null || mounts.putIfAbsent(name, kind) != null) {
      throw at.error("'" + name + "' was mounted before", "a name not used before");
    }
  }

  /** Takes an {@code open} line of a file seen before. */
  OpenLine openLine(Cursor at) {
    at.expect("open ");
    int start = at.mark();
    String name = at.word();
    if (!openNames.add(name)) {
      at.reset(start);
      throw at.unexpected("a name of an open not used before");
    }
    at.expect(" ");
    start = at.mark();
    String file = at.word();
    if (!fileNames.contains(file)) {
      at.reset(start);
      throw at.unexpected("a file that a 'file' line named before");
    }
    at.expect(" mode=");
    OpenFile.Mode mode;
    if (at.take("rdonly")) {
      mode = OpenFile.Mode.READ_ONLY;
    } else if (at.take("rdwr")) {
      mode = OpenFile.Mode.READ_WRITE;
    } else if (at.take("wronly")) {
      mode = OpenFile.Mode.WRITE_ONLY;
    } else if (at.take("path")) {
      mode = OpenFile.Mode.PATH;
    } else {
      throw at.unexpected("rdonly, rdwr, wronly or path");
    }
    at.expectEnd();
    return new OpenLine(name, file, mode);
  }

  /** Whether the line that begins with this word was seen. */
  public boolean has(String word) {
    return seen.contains(word);
  }

  /** Takes the name of an open that a call makes; the file has the same one. */
  void newOpen(Cursor at, String name) {
    if (!name.matches("M[0-9]{1,6}") || !openNames.add(name) || !fileNames.add(name)) {
      throw at.error("'" + name + "' cannot be made here", "M and a number not used before");
    }
  }

  /** Whether an open of that name was seen. */
  boolean knowsOpen(String name) {
    return openNames.contains(name);
  }

  /** The header, complete; the cursor stands on the line after it. */
  public VmaHeader finish(Cursor at) {
    for (String line : LINES) {
      if (!seen.contains(line)) {
        throw at.error(
            "the header has no '" + line + "' line", "all of " + String.join(", ", LINES));
      }
    }
    checkLayout(at);
    MmSysctls sysctls =
        new MmSysctls(
            range(at, "sysctl.overcommit_memory", 0, 2),
            range(at, "sysctl.overcommit_ratio", 0, Integer.MAX_VALUE),
            range(at, "sysctl.max_map_count", 0, Integer.MAX_VALUE),
            number("sysctl.mmap_min_addr"),
            number("sysctl.lsm_mmap_min_addr"),
            range(at, "sysctl.stack_guard_gap", 0, 1 << 24),
            number("sysctl.legacy_va_layout") != 0,
            range(at, "sysctl.overcommit_kbytes", 0, Long.MAX_VALUE >>> 10));
    return new VmaHeader(
        text("id"),
        text("class"),
        text("scenario"),
        text("seed"),
        text("kernel"),
        compat32,
        thp,
        sysctls,
        range(at, "memory.total_kb", 1, Long.MAX_VALUE >> 10),
        range(at, "memory.swap_kb", 0, Long.MAX_VALUE >> 10),
        number("uid"),
        number("gid"),
        capabilities,
        personality,
        number("rlimit.AS"),
        number("rlimit.DATA"),
        number("rlimit.STACK"),
        number("rlimit.MEMLOCK"),
        layout(),
        List.copyOf(files),
        List.copyOf(opens),
        Map.copyOf(options));
  }

  private MmLayout layout() {
    return new MmLayout(
        number("mm.task_size"),
        number("mm.mmap_base"),
        number("mm.topdown") == 1,
        compat32,
        number("mm.start_code"),
        number("mm.end_code"),
        number("mm.start_data"),
        number("mm.end_data"),
        number("mm.start_brk"),
        number("mm.brk"),
        number("mm.start_stack"),
        number("mm.arg_start"),
        number("mm.arg_end"),
        number("mm.env_start"),
        number("mm.env_end"));
  }

  private void checkLayout(Cursor at) {
    long taskSize = number("mm.task_size");
    if (taskSize <= 0 || taskSize % PAGE != 0 || (compat32 && taskSize > 0xffff_ffffL)) {
      throw at.error(
          "the header says task_size=0x" + Long.toHexString(taskSize),
          compat32 ? "a multiple of 4096 below 4 GiB" : "a multiple of 4096 above 0");
    }
    for (String key : MM) {
      long value = number("mm." + key);
      boolean good =
          key.equals("topdown")
              ? value <= 1
              : key.equals("task_size") || Long.compareUnsigned(value, taskSize) <= 0;
      if (!good || (key.equals("mmap_base") && value % PAGE != 0)) {
        throw at.error(
            "the header says " + key + "=0x" + Long.toHexString(value),
            key.equals("topdown") ? "0 or 1" : "an address up to task_size (mmap_base: a page)");
      }
    }
  }

  private int range(Cursor at, String key, int low, int high) {
    return (int) range(at, key, (long) low, (long) high);
  }

  private long range(Cursor at, String key, long low, long high) {
    long value = number(key);
    if (value < low || value > high) {
      throw at.error(
          "the header says " + key + "=" + value, "a number from " + low + " to " + high);
    }
    return value;
  }

  private long number(String key) {
    Long value = numbers.get(key);
    if (value == null) {
      throw new IllegalStateException("missing key=" + key);
    }
    return value;
  }

  private String text(String key) {
    return texts.getOrDefault(key, "-");
  }
}
