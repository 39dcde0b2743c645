// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.strace;

import io.mm4j.replay.vma.MapsLine;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The same mappings as other tools print them: debuggers ({@code info proc mappings} of gdb, {@code
 * vmmap} of pwndbg, gef and peda, {@code memory region} of lldb, {@code vm} of crash), {@code
 * pmap}, Android's tombstones, qemu, and whoever puts lines of maps in quotes or {@code 0x} in
 * front. One object for one text.
 */
final class ForeignMaps {
  private static final String PERMS = "([r-][w-][x-][ps])";
  private static final String RWX = "([r-][w-][x-])";
  private static final String FRONT = "(?:^|.*[\\s>|])";
  private static final String RANGE = FRONT + "0x([0-9a-f]{1,16})\\s+0x([0-9a-f]{1,16})\\s+";
  private static final String NAME = "(?:\\s+(.*))?";
  private static final String HALVES = "([0-9a-f]{1,8}'?[0-9a-f]{8}|[0-9a-f]{8})";

  private static final long VM_READ = 1;
  private static final long VM_WRITE = 2;
  private static final long VM_EXEC = 4;
  private static final long VM_SHARED = 8;
  private static final long VM_GROWSDOWN = 0x100;

  /** How far behind its program a heap begins at most (arch_randomize_brk, arch/x86). */
  private static final long HEAP_BEHIND = 1L << 30;

  /** Makes a line of maps of what a pattern has matched; null if it is none after all. */
  private interface Reading {
    @Nullable String line(ForeignMaps maps, Matcher matcher);
  }

  /**
   * How a tool prints a mapping.
   *
   * @param line a whole line
   * @param leftOut who shows no offsets, or null
   */
  private record Form(Pattern line, Reading reading, @Nullable String leftOut) {
    static Form of(String regex, Reading reading, @Nullable String leftOut) {
      return new Form(Pattern.compile(regex), reading, leftOut);
    }
  }

  private static final List<Form> FORMS =
      List.of(
          Form.of(
              ".*?[\"']([0-9a-f]{1,16}-[0-9a-f]{1,16} " + PERMS + " [^\"']*)[\"'].*",
              (maps, m) -> m.group(1),
              null),
          Form.of(
              FRONT + "0x([0-9a-f]{1,16})-0x([0-9a-f]{1,16}) +" + PERMS + "( [0-9a-f]+.*)",
              (maps, m) -> m.group(1) + "-" + m.group(2) + " " + m.group(3) + m.group(4),
              null),
          Form.of(
              RANGE + "0x[0-9a-f]+\\s+0x([0-9a-f]+)\\s+" + PERMS + NAME,
              (maps, m) -> maps.joined(m.group(1), m.group(2), m.group(4), m.group(3), m.group(5)),
              null),
          Form.of( // pwndbg: size and offset behind the rights
              RANGE + PERMS + "\\s+[0-9a-f]+\\s+([0-9a-f]+)" + NAME,
              (maps, m) -> maps.joined(m.group(1), m.group(2), m.group(3), m.group(4), m.group(5)),
              null),
          Form.of(
              RANGE + PERMS + NAME,
              (maps, m) -> maps.joined(m.group(1), m.group(2), m.group(3), "0", m.group(4)),
              "peda"),
          Form.of( // gef
              RANGE + "0x([0-9a-f]+)\\s+" + RWX + NAME,
              (maps, m) ->
                  maps.joined(m.group(1), m.group(2), m.group(4) + "p", m.group(3), m.group(5)),
              null),
          Form.of(
              FRONT + "\\[0x([0-9a-f]{1,16})-0x([0-9a-f]{1,16})\\)\\s+" + RWX + NAME,
              (maps, m) ->
                  m.group(3).equals("---") && m.group(4) == null
                      ? null // nothing is there
                      : maps.joined(m.group(1), m.group(2), m.group(3) + "p", "0", m.group(4)),
              "lldb"),
          Form.of(
              "\\s*(?:[c-f][0-9a-f]{7}|ffff[0-9a-f]{12})\\s+([0-9a-f]{1,13}000)\\s+([0-9a-f]{1,13}000)"
                  + "\\s+([0-9a-f]{1,15})(?:\\s+(\\S.*)?)?",
              ForeignMaps::crash, "crash"),
          Form.of(
              "(?:--->)?\\s*"
                  + HALVES
                  + "-"
                  + HALVES
                  + "\\s+"
                  + RWX
                  + "\\s+([0-9a-f]+)\\s+"
                  + "([0-9a-f]+)"
                  + NAME,
              ForeignMaps::tombstone,
              null),
          Form.of(
              "\\s*([0-9a-f]{8,16})-([0-9a-f]{8,16})\\s+[0-9a-f]{8,16}\\s+" + RWX + "\\s*",
              (maps, m) -> maps.joined(m.group(1), m.group(2), m.group(3) + "p", "0", ""),
              "qemu"),
          Form.of( // pmap -X
              "\\s*([0-9a-f]{8,16})\\s+"
                  + PERMS
                  + "\\s+([0-9a-f]{8,16})\\s+[0-9a-f]+:[0-9a-f]+\\s+"
                  + "\\d+\\s+(\\d{1,12})(?:\\s+\\d+)*(?:\\s+(?:rd|wr|ex|sh|m[rwesm]|gd|pf|dw|lo|io|[sr]r|d[cep]|ac|nr|ht|sf|[nsu][hls]|ar|wf|dd|sd|hg|mg|u[mwi]))*"
                  + NAME,
              (maps, m) ->
                  maps.joined(
                      m.group(1), end(m.group(1), m.group(4)), m.group(2), m.group(3), m.group(5)),
              null),
          Form.of( // pmap -d
              "\\s*([0-9a-f]{8,16})\\s+(\\d{1,12})\\s+"
                  + RWX
                  + "([s-])[R-]?\\s+([0-9a-f]{16})\\s+"
                  + "[0-9a-f]{3}:[0-9a-f]{5}"
                  + NAME,
              (maps, m) ->
                  maps.joined(
                      m.group(1),
                      end(m.group(1), m.group(2)),
                      m.group(3) + (m.group(4).equals("s") ? "s" : "p"),
                      m.group(5),
                      m.group(6)),
              null),
          Form.of(
              "\\s*([0-9a-f]{8,16})\\s+(\\d{1,12})K?(?:\\s+\\d+\\s+\\d+)?\\s+"
                  + RWX
                  + "([s-])[R-]?\\s+(.*)",
              (maps, m) ->
                  maps.joined(
                      m.group(1),
                      end(m.group(1), m.group(2)),
                      m.group(3) + (m.group(4).equals("s") ? "s" : "p"),
                      "0",
                      m.group(5)),
              "pmap"));

  /** What shows a mapping, and not all that has to be known of it. */
  private record Unusable(Pattern line, String why) {}

  private static final List<Unusable> UNUSABLE =
      List.of(
          new Unusable(
              Pattern.compile(
                  "\\s*0x[0-9a-f]+\\s+0x[0-9a-f]+\\s+0x[0-9a-f]+\\s+0x[0-9a-f]+(?:\\s+[/\\[].*)?"),
              "gdb before 12 shows no permissions"),
          new Unusable(
              Pattern.compile("\\s*0x[0-9a-f]{6,16}-0x[0-9a-f]{6,16}(?:\\s+(?:[/\\[].*)?)?"),
              "a sanitizer's map shows no permissions"),
          new Unusable(
              Pattern.compile(".*\\b(?:mmap2?|brk|execve|munmap|mprotect)\\(.*\\) += .*"),
              "this is a log of calls, which --after takes"),
          new Unusable(
              Pattern.compile("[0-9a-f]{8,16} (?:default|bind|interleave|prefer|local)\\b.*"),
              "numa_maps shows where mappings begin and not where they end"));

  /** What stands above, for lines that have {@code >} for the same name again. */
  private String lastName = "";

  private @Nullable String leftOut;

  /** The tool of these lines that calls a heap anonymous; empty if there is none. */
  private String heapless = "";

  /** The line as maps has it, or null if it is none of these. */
  @Nullable String line(String text) {
    for (Form form : FORMS) {
      Matcher matcher = form.line().matcher(text);
      String line = matcher.matches() ? form.reading().line(this, matcher) : null;
      if (line != null) {
        leftOut = form.leftOut() == null ? leftOut : form.leftOut();
        heapless =
            text.contains("[ anon ]")
                ? "pmap"
                : "crash".equals(form.leftOut()) ? "crash" : heapless;
        return line;
      }
    }
    return null;
  }

  private static String end(String start, String kb) {
    return Long.toHexString(Long.parseUnsignedLong(start, 16) + Long.parseLong(kb) * 1024);
  }

  /** VM_READ and so on in hex; what grows down is the stack. */
  private static @Nullable String crash(ForeignMaps maps, Matcher m) {
    long flags = Long.parseLong(m.group(3), 16);
    String perms =
        ((flags & VM_READ) != 0 ? "r" : "-")
            + ((flags & VM_WRITE) != 0 ? "w" : "-")
            + ((flags & VM_EXEC) != 0 ? "x" : "-")
            + ((flags & VM_SHARED) != 0 ? "s" : "p");
    String name = (flags & VM_GROWSDOWN) != 0 ? "[stack]" : m.group(4);
    return maps.joined(m.group(1), m.group(2), perms, "0", name);
  }

  /** Android's own have the last byte, those of some crash reporters one more. */
  private static @Nullable String tombstone(ForeignMaps maps, Matcher m) {
    String first = m.group(1).replace("'", "");
    String last = m.group(2).replace("'", "");
    long bytes = Long.parseUnsignedLong(last, 16) - Long.parseUnsignedLong(first, 16);
    long size = m.group(5).length() > 15 ? 0 : Long.parseLong(m.group(5), 16);
    if (size != bytes && size != bytes + 1) {
      return null;
    }
    String end = Long.toHexString(Long.parseUnsignedLong(first, 16) + size);
    return maps.joined(first, end, m.group(3) + "p", m.group(4), m.group(6));
  }

  private String joined(
      String start, String end, String perms, String offset, @Nullable String named) {
    String name = named == null ? "" : named.strip().replaceFirst(" \\((?:BuildId|load).*", "");
    name = name.replaceFirst(" PT_LOAD\\[\\d+\\]$", "");
    name = name.equals(">") ? lastName : name;
    lastName = name;
    if (name.startsWith("[ ")) {
      name = "[" + name.substring(1, name.length() - 1).strip().toLowerCase(Locale.ROOT) + "]";
    }
    if (start.equals("ffffffffff600000")) {
      name = "[vsyscall]"; // which pmap calls anonymous
    } else if (name.matches("\\[anon(?:_[0-9a-f]+)?\\]|mapped|<none>")) {
      name = "";
    } else if (!name.isEmpty() && !name.startsWith("[") && !name.startsWith("/")) {
      name = "/" + name;
    }
    return start + "-" + end + " " + perms + " " + offset + " " + name;
  }

  /** What the tool leaves out, in words, or null. */
  @Nullable String leftOut() {
    return leftOut == null ? null : leftOut + " shows no offsets of files: they are taken as 0";
  }

  /**
   * The place of the heap among mappings of a tool that does not name it: the first anonymous one
   * behind the program, not that which touches it; -1 if the tool names it or there is none.
   */
  int heap(List<MapsLine> lines) {
    if (heapless.isEmpty() || lines.stream().anyMatch(line -> line.name().equals("[heap]"))) {
      return -1;
    }
    String program = lines.getFirst().name();
    int at = 0;
    while (at < lines.size() && lines.get(at).name().equals(program)) {
      at++;
    }
    long end = lines.get(at - 1).end();
    for (; at < lines.size() && lines.get(at).start() - end < HEAP_BEHIND; at++) {
      MapsLine line = lines.get(at);
      if (line.backed() || !line.perms().equals("rw-p")) {
        return -1;
      }
      if (line.start() != end) {
        return at;
      }
      end = line.end();
    }
    return -1;
  }

  /** The tool that does not name a heap, after {@link #heap} has found one. */
  String heapless() {
    return heapless;
  }

  /** Why a line that shows a mapping cannot be used, or null. */
  static @Nullable String unusable(String text) {
    return UNUSABLE.stream()
        .filter(kind -> kind.line().matcher(text).matches())
        .map(Unusable::why)
        .findFirst()
        .orElse(null);
  }
}
