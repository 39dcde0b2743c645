// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.strace;

import io.mm4j.api.process.MappedFile;
import io.mm4j.api.process.OpenFile;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Which file is open behind a descriptor, as the lines of a log tell: what opens one, what makes a
 * second number for it, what closes it. Threads and children with {@code CLONE_FILES} share a
 * table, others get a copy.
 */
final class Descriptors {
  private static final int MAX_OPENS = 1 << 16;
  private static final long O_ACCMODE = 3;
  private static final long O_PATH = 0x200000;
  private static final long O_WRONLY = 1;
  private static final long O_RDWR = 2;
  private static final long O_CLOEXEC = 0x8_0000;
  private static final Pattern ANGLE = Pattern.compile("(-?\\d{1,10})<(.*)>(?:\\(deleted\\))?");
  private static final Pattern PAIR =
      Pattern.compile("\\[(\\d{1,7})(?:<[^,]*>)?, (\\d{1,7})(?:<.*>)?\\]");

  /** What has no mmap operation: pipes, and the small objects of single calls. */
  private static final Pattern UNMAPPABLE =
      Pattern.compile(
          "pipe:.*|anon_inode:\\[?(?:eventfd2?|epoll_create1?|eventpoll|timerfd(?:_create)?|"
              + "signalfd4?|inotify(?:_init1?)?|pidfd(?:_open)?)\\]?");

  /** Devices without an mmap operation (drivers/char/mem.c, random.c, tty_io.c). */
  private static final Set<String> NO_MMAP =
      Set.of("/dev/null", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty", "/dev/console");

  /** An open file: what {@code struct file} is in a kernel. */
  static final class Open {
    private final String path;
    private final MappedFile.Kind kind;
    private final OpenFile.Mode mode;
    private @Nullable String name;

    Open(String path, MappedFile.Kind kind, OpenFile.Mode mode) {
      this.path = path;
      this.kind = kind;
      this.mode = mode;
    }

    String path() {
      return path;
    }

    MappedFile.Kind kind() {
      return kind;
    }

    OpenFile.Mode mode() {
      return mode;
    }

    /** Its name in the replay, once it was mapped. */
    @Nullable String name() {
      return name;
    }

    void name(String given) {
      name = given;
    }
  }

  /** One table: what {@code struct files_struct} is. */
  private static final class Table {
    final Map<Long, Open> open = new HashMap<>();
    final Set<Long> closed = new HashSet<>();
    final Set<Long> closeOnExec = new HashSet<>();

    void put(long fd, Open file, boolean cloexec) {
      open.put(fd, file);
      closed.remove(fd);
      if (cloexec) {
        closeOnExec.add(fd);
      } else {
        closeOnExec.remove(fd);
      }
    }

    void close(long fd) {
      open.remove(fd);
      closeOnExec.remove(fd);
      closed.add(fd);
    }
  }

  private final Map<Long, Table> tables = new HashMap<>();
  private final boolean pathsShown;
  private int opens;
  private int userfaults;

  /**
   * No descriptors yet.
   *
   * @param pathsShown whether the log has the path of every descriptor that is open
   */
  Descriptors(boolean pathsShown) {
    this.pathsShown = pathsShown;
  }

  private Table table(long pid) {
    return tables.computeIfAbsent(pid, p -> new Table());
  }

  /** A new thread or child. */
  void born(long parent, long child, boolean shares) {
    Table own = table(parent);
    if (shares) {
      tables.put(child, own);
      return;
    }
    Table copy = new Table();
    copy.open.putAll(own.open);
    copy.closed.addAll(own.closed);
    copy.closeOnExec.addAll(own.closeOnExec);
    tables.put(child, copy);
  }

  /** A thread or process ended. */
  void ended(long pid) {
    tables.remove(pid);
  }

  /** Another program begins, with what is not closed on exec. */
  void executed(long pid) {
    Table own = table(pid);
    Table kept = new Table();
    own.open.forEach(
        (fd, file) -> {
          if (!own.closeOnExec.contains(fd)) {
            kept.open.put(fd, file);
          }
        });
    kept.closed.addAll(own.closed);
    kept.closed.addAll(own.closeOnExec);
    tables.put(pid, kept);
  }

  /**
   * The open file behind a descriptor as strace prints it, {@code 3} or {@code 3</path>}; null if
   * the log shows that it was closed, or it can be none.
   *
   * @param where for files that nobody knows
   */
  @Nullable Open find(long pid, String text, String where) {
    Matcher angle = ANGLE.matcher(text);
    String path = angle.matches() ? path(angle.group(2)) : null;
    Long fd = Symbols.number(angle.matches() ? angle.group(1) : StraceLine.firstWord(text));
    if (fd == null || (int) (long) fd < 0) {
      return null;
    }
    long number = (int) (long) fd;
    Table own = table(pid);
    Open known = own.open.get(number);
    if (known != null && (path == null || known.path().equals(path))) {
      return known;
    }
    if (path == null && (pathsShown || own.closed.contains(number))) {
      return null;
    }
    if (++opens > MAX_OPENS) {
      throw StraceLine.wrong("more than " + MAX_OPENS + " opens", where, 0);
    }
    String name = path == null ? "(descriptor " + number + ")" : path;
    Open file = new Open(name, kind(name), OpenFile.Mode.READ_WRITE);
    own.put(number, file, false);
    return file;
  }

  /** The open file behind a descriptor as strace prints it, if the log shows what opened it. */
  @Nullable Open known(long pid, String text) {
    Long fd = Symbols.number(StraceLine.firstWord(text));
    return fd == null ? null : table(pid).open.get(fd);
  }

  /** The descriptors of userfaultfd that the log shows somebody open. */
  Set<Open> userfaults(long pid) {
    if (userfaults == 0) {
      return Set.of();
    }
    Set<Open> found = new LinkedHashSet<>(table(pid).open.values());
    found.removeIf(file -> file.name() == null || !file.path().equals(UffdText.PATH));
    return found;
  }

  /** Whether nothing but a number is known of the file. */
  static boolean isUnknown(Open file) {
    return file.path().startsWith("(descriptor ");
  }

  private static String path(String shown) {
    // -yy adds what kind of device it is: 5</dev/zero<char 1:5>>
    String plain = shown.replaceFirst("<(?:char|block) [0-9]+:[0-9]+>$", "");
    return plain.replaceFirst("\\(deleted\\)$", "").strip();
  }

  private static MappedFile.Kind kind(String path) {
    if (path.equals("/dev/zero")) {
      return MappedFile.Kind.DEV_ZERO;
    }
    if (path.startsWith("/dev/shm/")
        || path.startsWith("/memfd:")
        || path.startsWith("/SYSV")
        || path.startsWith("memfd:")) {
      return MappedFile.Kind.TMPFS;
    }
    if (path.startsWith("/proc/") || NO_MMAP.contains(path) || UNMAPPABLE.matcher(path).matches()) {
      return MappedFile.Kind.PROC;
    }
    boolean device = path.startsWith("/dev/") || path.matches("(?:anon_inode|socket|pipe):.*");
    return device ? MappedFile.Kind.OTHER : MappedFile.Kind.EXT4;
  }

  /** Takes what a call tells about descriptors. */
  void note(StraceLine line) {
    long pid = line.pid();
    List<String> args = line.args();
    switch (line.name()) {
      case "open", "openat", "openat2", "creat" -> opened(line);
      case "memfd_create", "memfd_secret" -> {
        String name = args.isEmpty() ? "" : quoted(args.getFirst());
        put(line, "/memfd:" + name, OpenFile.Mode.READ_WRITE, line.body().contains("CLOEXEC"));
      }
      case "socket",
          "accept",
          "accept4",
          "eventfd",
          "eventfd2",
          "epoll_create",
          "epoll_create1",
          "timerfd_create",
          "signalfd",
          "signalfd4",
          "inotify_init",
          "inotify_init1",
          "pidfd_open",
          "perf_event_open",
          "io_uring_setup" ->
          put(
              line,
              "anon_inode:" + line.name(),
              OpenFile.Mode.READ_WRITE,
              line.body().contains("CLOEXEC"));
      case "userfaultfd" -> {
        put(line, UffdText.PATH, OpenFile.Mode.READ_WRITE, line.body().contains("CLOEXEC"));
        Open made = known(pid, line.result());
        if (line.succeeded() && made != null) {
          made.name("U" + ++userfaults);
        }
      }
      case "pipe", "pipe2", "socketpair" -> pair(line);
      case "dup", "dup2", "dup3" -> again(line, line.body().contains("O_CLOEXEC"));
      case "fcntl", "fcntl64" -> {
        if (args.size() > 1 && args.get(1).startsWith("F_DUPFD")) {
          again(line, args.get(1).endsWith("CLOEXEC"));
        } else if (args.size() > 2 && args.get(1).equals("F_SETFD")) {
          Long fd = Symbols.number(StraceLine.firstWord(args.getFirst()));
          if (fd != null && args.get(2).contains("FD_CLOEXEC")) {
            table(pid).closeOnExec.add(fd);
          } else if (fd != null) {
            table(pid).closeOnExec.remove(fd);
          }
        }
      }
      case "close" -> {
        Long fd = args.isEmpty() ? null : Symbols.number(StraceLine.firstWord(args.getFirst()));
        if (fd != null) {
          table(pid).close(fd);
        }
      }
      case "close_range" -> closeRange(line);
      default -> {}
    }
  }

  private void opened(StraceLine line) {
    int at = line.name().startsWith("openat") ? 1 : 0;
    String path = line.args().size() > at ? quoted(line.args().get(at)) : "";
    boolean flags = line.args().size() > at + 1 && !line.name().equals("creat");
    Long raw = flags ? Symbols.value(line.args().get(at + 1)) : null;
    boolean cloexec = line.body().contains("O_CLOEXEC") || (raw != null && (raw & O_CLOEXEC) != 0);
    put(line, path.isEmpty() ? "(a file)" : path, mode(line, raw), cloexec);
  }

  /** How a file is open: names of flags, or a number as raw logs and ltrace show them. */
  private static OpenFile.Mode mode(StraceLine line, @Nullable Long raw) {
    if (line.body().contains("O_PATH") || (raw != null && (raw & O_PATH) != 0)) {
      return OpenFile.Mode.PATH;
    }
    if (line.body().contains("O_RDWR") || (raw != null && (raw & O_ACCMODE) == O_RDWR)) {
      return OpenFile.Mode.READ_WRITE;
    }
    boolean writeOnly =
        line.body().contains("O_WRONLY")
            || line.name().equals("creat")
            || (raw != null && (raw & O_ACCMODE) == O_WRONLY);
    return writeOnly ? OpenFile.Mode.WRITE_ONLY : OpenFile.Mode.READ_ONLY;
  }

  private void put(StraceLine line, String path, OpenFile.Mode mode, boolean cloexec) {
    Long fd = line.number();
    if (fd == null || fd < 0) {
      return;
    }
    Matcher angle = ANGLE.matcher(line.result());
    String shown = angle.matches() ? path(angle.group(2)) : path;
    boolean directory = line.body().contains("O_DIRECTORY");
    MappedFile.Kind kind = directory ? MappedFile.Kind.PROC : kind(shown);
    table(line.pid()).put(fd, new Open(shown, kind, mode), cloexec);
  }

  /** Two ends of something that cannot be mapped. */
  private void pair(StraceLine line) {
    for (String arg : line.args()) {
      Matcher both = PAIR.matcher(arg);
      if (both.matches() && line.succeeded()) {
        boolean cloexec = line.body().contains("CLOEXEC");
        for (int end = 1; end <= 2; end++) {
          String path = "pipe:" + line.name();
          Open file = new Open(path, kind(path), OpenFile.Mode.READ_WRITE);
          table(line.pid()).put(Long.parseLong(both.group(end)), file, cloexec);
        }
      }
    }
  }

  /** A second number for an open file. */
  private void again(StraceLine line, boolean cloexec) {
    Long fd = line.number();
    if (fd == null || fd < 0 || line.args().isEmpty()) {
      return;
    }
    Open file = find(line.pid(), line.args().getFirst(), "");
    if (file != null) {
      table(line.pid()).put(fd, file, cloexec);
    }
  }

  private void closeRange(StraceLine line) {
    if (line.args().size() < 3 || !line.succeeded()) {
      return;
    }
    Long low = Symbols.number(line.args().get(0));
    Long high = Symbols.number(line.args().get(1));
    if (low == null || high == null) {
      return;
    }
    Table own = table(line.pid());
    for (long fd : List.copyOf(own.open.keySet())) {
      if (fd >= low && Long.compareUnsigned(fd, high) <= 0) {
        if (line.args().get(2).contains("CLOEXEC")) {
          own.closeOnExec.add(fd);
        } else {
          own.close(fd);
        }
      }
    }
  }

  private static String quoted(String text) {
    int first = text.indexOf('"');
    int last = text.lastIndexOf('"');
    return first >= 0 && last > first ? text.substring(first + 1, last) : "";
  }
}
