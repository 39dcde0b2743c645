// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.strace;

import io.mm4j.api.process.MappedFile;
import io.mm4j.api.process.OpenFile;
import io.mm4j.replay.vma.CallName;
import io.mm4j.replay.vma.VmaEvent;
import io.mm4j.replay.vma.VmaHeader;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Arguments of memory calls as numbers, and the files behind descriptors. Mappings of one
 * descriptor with one path count as one open until the log shows another path on it, or an {@code
 * open}, {@code openat} or {@code close} of it.
 */
final class ArgumentReader {
  private static final int MAX_OPENS = 1 << 16;

  private record Descriptor(int process, long fd) {}

  private record Open(String path, String name) {}

  private final long writable;
  private final Map<Descriptor, Open> opens = new HashMap<>();
  private final Map<Descriptor, OpenFile.Mode> modes = new HashMap<>();
  private final Map<String, String> files = new HashMap<>();
  private int openCount;

  /**
   * A reader for one log.
   *
   * @param writable an address that mincore may write to, for strace shows the vector only
   */
  ArgumentReader(long writable) {
    this.writable = writable;
  }

  /** Arguments, and files and opens that they name for the first time. */
  record Read(List<Long> args, @Nullable String open, List<VmaEvent> news) {}

  /** The call behind strace's name for it, or null if it is no memory call that is replayed. */
  static @Nullable CallName name(String name) {
    return switch (name) {
      case "mmap2" -> CallName.MMAP;
      case "mmap",
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
          "pkey_mprotect" ->
          CallName.of(name);
      default -> null;
    };
  }

  /** Reads the arguments of a memory call. */
  Read read(StraceLine line, CallName name, int process, long lineNumber, String where) {
    List<String> texts = new ArrayList<>(line.args());
    if (name == CallName.MREMAP && texts.size() == 4) {
      texts.add("0");
    }
    if (texts.size() != name.keys().size()) {
      throw StraceLine.wrong(
          line.name() + " has " + texts.size() + " arguments, not " + name.keys().size(), where, 0);
    }
    List<Long> args = new ArrayList<>();
    List<VmaEvent> news = new ArrayList<>();
    String open = null;
    for (int i = 0; i < texts.size(); i++) {
      String text = texts.get(i);
      if (name.keys().get(i).equals("fd") && text.endsWith(">")) {
        open = open(text, process, lineNumber, news, where);
        args.add(0L);
      } else if (name.keys().get(i).equals("vec") && text.startsWith("[")) {
        args.add(writable);
      } else {
        Long value = Symbols.value(text);
        if (value == null) {
          throw StraceLine.wrong("the argument '" + shown(text) + "' is not known", where, 0);
        }
        args.add(value);
      }
    }
    return new Read(List.copyOf(args), open, news);
  }

  private static String shown(String text) {
    String printable = text.replaceAll("[^ -~]", "?");
    return printable.length() > 40 ? printable.substring(0, 40) + "..." : printable;
  }

  private String open(String text, int process, long line, List<VmaEvent> news, String where) {
    int angle = text.indexOf('<');
    Long fd = angle < 0 ? null : Symbols.number(text.substring(0, angle));
    if (fd == null || fd < 0) {
      throw StraceLine.wrong("'" + shown(text) + "' is no descriptor with a path", where, 0);
    }
    String path = text.substring(angle + 1, text.length() - 1);
    Descriptor descriptor = new Descriptor(process, fd);
    Open known = opens.get(descriptor);
    if (known != null && known.path().equals(path)) {
      return known.name();
    }
    if (openCount >= MAX_OPENS) {
      throw StraceLine.wrong("more than " + MAX_OPENS + " opens", where, 0);
    }
    String file = files.get(path);
    if (file == null) {
      file = path;
      files.put(path, file);
      news.add(
          new VmaEvent.FileSeen(
              line, new VmaHeader.FileLine(file, Long.MAX_VALUE >> 1, kind(path), "")));
    }
    String name = "D" + ++openCount;
    OpenFile.Mode mode = modes.getOrDefault(descriptor, OpenFile.Mode.READ_WRITE);
    news.add(new VmaEvent.OpenSeen(line, new VmaHeader.OpenLine(name, file, mode)));
    opens.put(descriptor, new Open(path, name));
    return name;
  }

  private static MappedFile.Kind kind(String path) {
    if (path.equals("/dev/zero")) {
      return MappedFile.Kind.DEV_ZERO;
    }
    if (path.startsWith("/dev/shm/") || path.startsWith("/memfd:")) {
      return MappedFile.Kind.TMPFS;
    }
    if (path.startsWith("/proc/")) {
      return MappedFile.Kind.PROC;
    }
    boolean regular = path.startsWith("/") && !path.startsWith("/dev/");
    return regular ? MappedFile.Kind.EXT4 : MappedFile.Kind.OTHER;
  }

  /** Takes what calls that open or close descriptors tell, if the log has them. */
  void noteFiles(int process, StraceLine line) {
    Long fd;
    switch (line.name()) {
      case "open", "openat", "openat2", "creat" -> {
        fd = Symbols.number(StraceSource.firstWord(line.result()));
        if (fd != null && fd >= 0 && modes.size() < MAX_OPENS) {
          OpenFile.Mode mode =
              line.body().contains("O_RDWR")
                  ? OpenFile.Mode.READ_WRITE
                  : line.body().contains("O_RDONLY")
                      ? OpenFile.Mode.READ_ONLY
                      : OpenFile.Mode.WRITE_ONLY;
          modes.put(new Descriptor(process, fd), mode);
          opens.remove(new Descriptor(process, fd));
        }
      }
      case "close" -> {
        if (!line.args().isEmpty()) {
          fd = Symbols.number(StraceSource.firstWord(line.args().getFirst()));
          if (fd != null) {
            opens.remove(new Descriptor(process, fd));
            modes.remove(new Descriptor(process, fd));
          }
        }
      }
      default -> {}
    }
  }
}
