// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.strace;

import io.mm4j.api.memory.Pages;
import io.mm4j.replay.vma.CallName;
import io.mm4j.replay.vma.VmaEvent;
import io.mm4j.replay.vma.VmaHeader;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Arguments of memory calls as numbers, and the files behind descriptors. */
final class ArgumentReader {
  private static final int MAX_OPENS = 1 << 16;

  private final Descriptors descriptors;
  private final Set<String> files = new HashSet<>();
  private final Map<String, Long> unknownFiles = new LinkedHashMap<>();
  private final boolean pageOffsets;
  private int openCount;

  /**
   * A reader for one log.
   *
   * @param pageOffsets whether the offsets of mmap2 are counted in pages
   */
  ArgumentReader(Descriptors descriptors, boolean pageOffsets) {
    this.pageOffsets = pageOffsets;
    this.descriptors = descriptors;
  }

  /** Arguments, and files and opens that they name for the first time. */
  record Read(List<Long> args, @Nullable String open, List<VmaEvent> news) {}

  /**
   * Reads the arguments of a memory call.
   *
   * @param writable an address that mincore may write to, for strace shows the vector only
   */
  Read read(StraceLine line, CallName name, long writable, long lineNumber, String where) {
    List<String> texts = new ArrayList<>(line.args());
    if (name == CallName.MREMAP && texts.size() == 4) {
      texts.add("0");
    }
    if (name == CallName.MUNLOCKALL || Calls.isByNumber(line.name())) {
      texts = texts.subList(0, Math.min(texts.size(), name.keys().size()));
    }
    if (texts.size() != name.keys().size()) {
      throw StraceLine.wrong(
          line.name() + " has " + texts.size() + " arguments, not " + name.keys().size(), where, 0);
    }
    List<Long> args = new ArrayList<>();
    List<VmaEvent> news = new ArrayList<>();
    String open = null;
    boolean anonymous = name == CallName.MMAP && texts.get(3).contains("MAP_ANON");
    for (int i = 0; i < texts.size(); i++) {
      String text = texts.get(i);
      if (name.keys().get(i).equals("fd") && !anonymous) {
        open = open(line.pid(), text, lineNumber, news, where);
        args.add(open == null ? number(text, where) : 0L);
      } else if (name.keys().get(i).equals("fd")) {
        args.add(number(text.replaceFirst("<.*", ""), where));
      } else if (name.keys().get(i).equals("vec") && text.startsWith("[")) {
        args.add(writable);
      } else if (name.keys().get(i).equals("nodes") && text.startsWith("[")) {
        args.add(NodeMask.first(text));
      } else {
        args.add(number(text, where));
      }
    }
    if (pageOffsets && line.name().equals("mmap2")) {
      args.set(5, args.get(5) << Pages.PAGE_SHIFT);
    }
    if (open != null && (args.get(3) & io.mm4j.api.process.Uapi.MAP_ANONYMOUS) != 0) {
      open = null; // raw flags: the descriptor does not count
    }
    return new Read(List.copyOf(args), open, news);
  }

  private static long number(String text, String where) {
    Long value = Symbols.value(text);
    if (value == null) {
      throw StraceLine.wrong("the argument '" + shown(text) + "' is not known", where, 0);
    }
    return value;
  }

  private static String shown(String text) {
    String printable = text.replaceAll("[^ -~]", "?");
    return printable.length() > 40 ? printable.substring(0, 40) + "..." : printable;
  }

  private @Nullable String open(
      long pid, String text, long line, List<VmaEvent> news, String where) {
    String digits = text.replaceFirst("<.*", "");
    if (Symbols.number(digits) == null) {
      throw StraceLine.wrong("'" + shown(text) + "' is no descriptor", where, 0);
    }
    Descriptors.Open file = descriptors.find(pid, text, where);
    if (file == null) {
      return null;
    }
    if (Descriptors.isUnknown(file) && file.name() == null) {
      unknownFiles.putIfAbsent(file.path(), line);
    }
    return name(file, line, Long.MAX_VALUE >> 1, news, where);
  }

  private String name(
      Descriptors.Open file, long line, long bytes, List<VmaEvent> news, String where) {
    String known = file.name();
    if (known != null) {
      return known;
    }
    if (openCount >= MAX_OPENS) {
      throw StraceLine.wrong("more than " + MAX_OPENS + " opens", where, 0);
    }
    // Two descriptors that nobody knows are two files.
    String path = Descriptors.isUnknown(file) ? file.path() + " line " + line : file.path();
    if (files.add(path)) {
      news.add(new VmaEvent.FileSeen(line, new VmaHeader.FileLine(path, bytes, file.kind(), "")));
    }
    String name = "D" + ++openCount;
    news.add(new VmaEvent.OpenSeen(line, new VmaHeader.OpenLine(name, path, file.mode())));
    file.name(name);
    return name;
  }

  /** What had to be taken for granted, in words. */
  List<String> notes() {
    List<String> notes = new ArrayList<>();
    if (!unknownFiles.isEmpty()) {
      Map.Entry<String, Long> first = unknownFiles.entrySet().iterator().next();
      notes.add(
          first.getKey()
              + " is mapped in line "
              + first.getValue()
              + " and the log does not say what it is: taken as a regular file of unknown size"
              + (unknownFiles.size() > 1 ? ", and " + (unknownFiles.size() - 1) + " others" : "")
              + " (strace -y, or openat and close in the trace, tell)");
    }
    return notes;
  }
}
