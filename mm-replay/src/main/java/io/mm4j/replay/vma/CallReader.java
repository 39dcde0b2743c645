// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.vma;

import io.mm4j.api.process.MappedFile;
import io.mm4j.api.process.Mount;
import io.mm4j.api.process.ResourceLimit;
import io.mm4j.replay.text.Cursor;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/** Call lines: number, process, name, arguments, answer. */
final class CallReader {
  /** What the argument {@code res} of setrlimit stands for. */
  static final List<ResourceLimit> RESOURCES = List.of(ResourceLimit.values());

  /** What the argument {@code name} of sysctl stands for. */
  static final List<String> SYSCTLS =
      List.of(
          "overcommit_memory",
          "overcommit_ratio",
          "overcommit_kbytes",
          "max_map_count",
          "mmap_min_addr",
          "nr_hugepages",
          "nr_overcommit_hugepages",
          "shmmax",
          "shmall",
          "shmmni",
          "shm_next_id",
          "shm_rmid_forced");

  /** Codes of SIGSEGV. */
  private static final List<String> CODES = List.of("MAPERR", "ACCERR", "PKUERR", "KERNEL");

  /** What the argument {@code fs} of mount stands for. */
  static final List<MappedFile.Kind> MOUNTED =
      List.of(MappedFile.Kind.TMPFS, MappedFile.Kind.HUGETLB, MappedFile.Kind.HUGETLB_1G);

  private static final int MAX_PROCESS = 1 << 16;

  private final Cursor at;
  private final HeaderReader names;
  private @Nullable String open;

  CallReader(Cursor at, HeaderReader names) {
    this.at = at;
    this.names = names;
  }

  /** A call line without what follows it. */
  record Line(
      int process,
      CallName name,
      List<Long> args,
      @Nullable String open,
      Answer answer,
      int value,
      String detail,
      String text) {}

  /** Takes a call line that must have that number. */
  Line line(long expectedNumber, IntConsumer checkProcess) {
    int mark = at.mark();
    if (at.decimal() != expectedNumber) {
      at.reset(mark);
      throw at.unexpected("call number " + expectedNumber);
    }
    at.expect(" p");
    int process = at.decimal(0, MAX_PROCESS);
    checkProcess.accept(process);
    at.expect(" ");
    mark = at.mark();
    CallName name = CallName.of(at.word());
    if (name == null) {
      at.reset(mark);
      throw at.unexpected("one of " + CallName.all());
    }
    open = null;
    List<Long> args = new ArrayList<>(name.keys().size());
    for (String key : name.keys()) {
      at.expect(" " + key + "=");
      args.add(argument(key));
    }
    if (name == CallName.OTHER) {
      for (int i = 0; i < 6 && at.take(" a" + i + "="); i++) {
        args.add(at.hex());
      }
    }
    String detail = detail(name, args);
    if (name == CallName.MOUNT
        && MOUNTED.get(args.get(1).intValue()) == MappedFile.Kind.TMPFS
        && args.get(3) != Mount.NONE) {
      throw at.error("a tmpfs has no least size", "least=-");
    }
    at.expect(" = ");
    int value = -1;
    Answer answer;
    if (name.gives() == CallName.Gives.TOUCH) {
      answer = touch(args.get(0));
      if (name == CallName.READ && answer instanceof Answer.Ok) {
        at.expect(" val=");
        value = (int) byteValue();
      }
    } else {
      answer = result(name);
    }
    at.expectEnd();
    return new Line(process, name, List.copyOf(args), open, answer, value, detail, at.wholeLine());
  }

  private long argument(String key) {
    return switch (key) {
      case "fd" -> fd();
      case "open" -> newOpen();
      case "name" -> sysctl();
      case "mount" -> newMount();
      case "fs" -> kind();
      case "most", "least" -> at.take("-") ? Mount.NONE : at.hex();
      case "text" -> word();
      case "id", "cmd", "value", "whence", "self" -> at.take("-") ? -at.decimal() : at.decimal();
      case "res" -> resource();
      case "cur" -> HeaderReader.limit(at);
      case "val" -> byteValue();
      case "w", "u", "x" -> at.decimal(0, 1);
      case "advice", "nr", "pkey" -> at.take("-") ? -at.decimal() : at.decimal();
      default -> at.hex();
    };
  }

  private long byteValue() {
    int mark = at.mark();
    long value = at.hex();
    if (value > 255 || value < 0) {
      at.reset(mark);
      throw at.unexpected("a byte 0x0 to 0xff");
    }
    return value;
  }

  private long fd() {
    if (at.looksAt("D") || at.looksAt("M")) {
      int mark = at.mark();
      String name = at.word();
      if (!names.knowsOpen(name)) {
        at.reset(mark);
        throw at.unexpected("an open that an 'open' line named before, or a number");
      }
      open = name;
      return 0;
    }
    return at.take("-")
        ? -(long) at.decimal(0, Integer.MAX_VALUE)
        : at.decimal(0, Integer.MAX_VALUE);
  }

  /** The name of an open that is made here. */
  private long newOpen() {
    open = at.word();
    names.newOpen(at, open);
    return 0;
  }

  /** The name of a file system that is mounted here. */
  private long newMount() {
    open = at.word();
    return 0;
  }

  /** The kind of the files of the file system that is mounted here, by its number. */
  private long kind() {
    int mark = at.mark();
    MappedFile.Kind kind = HeaderReader.kind(at.word());
    int place = kind == null ? -1 : MOUNTED.indexOf(kind);
    if (kind == null || place < 0) {
      at.reset(mark);
      throw at.unexpected("tmpfs, hugetlbfs or hugetlbfs_1g");
    }
    names.newMount(at, open, kind);
    return place;
  }

  /** A name that a VMA gets. */
  private long word() {
    open = at.word();
    return 0;
  }

  /** A name under /proc/sys/vm or /proc/sys/kernel, by its place in {@link #SYSCTLS}. */
  private long sysctl() {
    int mark = at.mark();
    int known = SYSCTLS.indexOf(at.word());
    if (known < 0) {
      at.reset(mark);
      throw at.unexpected(String.join(", ", SYSCTLS));
    }
    return known;
  }

  private long resource() {
    for (int i = 0; i < RESOURCES.size(); i++) {
      if (at.take(RESOURCES.get(i).name())) {
        return i;
      }
    }
    throw at.unexpected("AS, DATA, STACK or MEMLOCK");
  }

  /** What stands between the arguments and the answer of calls that tell of pages. */
  private String detail(CallName name, List<Long> args) {
    if (name == CallName.MINCORE && at.take(" bits=")) {
      return bits(args.get(1));
    }
    return name == CallName.PAGEMAP_SCAN && at.take(" found=") ? at.word() : "";
  }

  /** Run lengths {@code 1x3,0x2} that fill {@code len} bytes. */
  private String bits(long len) {
    long left = (len >>> 12) + ((len & 4095) == 0 ? 0 : 1);
    StringBuilder out = new StringBuilder();
    do {
      String bit = at.take("1x") ? "1x" : "0x";
      if (bit.equals("0x")) {
        at.expect("0x");
      }
      long run = at.decimal();
      left -= run;
      if (run <= 0 || left < 0) {
        throw at.error("the bits are more than the pages", "runs that sum up to the pages of len");
      }
      out.append(out.isEmpty() ? "" : ",").append(bit).append(run);
    } while (at.take(","));
    if (left != 0) {
      throw at.error("the bits are fewer than the pages", "runs that sum up to the pages of len");
    }
    return out.toString();
  }

  private Answer touch(long uaddr) {
    if (at.take("ok")) {
      return new Answer.Ok();
    }
    String signal;
    String code;
    if (at.take("SIGBUS ADRERR")) {
      signal = "SIGBUS";
      code = "ADRERR";
    } else {
      if (!at.take("SIGSEGV ")) {
        throw at.unexpected("ok, SIGSEGV MAPERR|ACCERR|PKUERR|KERNEL or SIGBUS ADRERR");
      }
      signal = "SIGSEGV";
      int mark = at.mark();
      code = at.atEnd() ? "" : at.word();
      if (!CODES.contains(code)) {
        at.reset(mark);
        throw at.unexpected(String.join(", ", CODES));
      }
    }
    // A fault of a real program is recorded without si_addr, which is the address touched.
    long signalAddr = at.take(" addr=") ? at.hex() : uaddr;
    return new Answer.Signal(signal, code, signalAddr);
  }

  private Answer result(CallName name) {
    if (at.take("-E")) {
      return new Answer.Failure("E" + at.word());
    }
    return switch (name.gives()) {
      case CHILD -> {
        if (at.take("unrecorded")) {
          yield new Answer.Child(Answer.Child.UNFOLLOWED);
        }
        at.expect("p");
        yield new Answer.Child(at.decimal(0, MAX_PROCESS));
      }
      case ZERO -> {
        at.expect("0");
        yield new Answer.Value(0, false);
      }
      case COUNT -> new Answer.Value(at.decimal(), false);
      default -> new Answer.Value(at.hex(), true);
    };
  }
}
