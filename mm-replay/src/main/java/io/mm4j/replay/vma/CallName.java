// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.vma;

import io.mm4j.api.process.Syscall;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What a call line can be, and the arguments that it has, in their order. */
public enum CallName {
  MMAP("mmap", Gives.ADDRESS, "addr", "len", "prot", "flags", "fd", "off"),
  MUNMAP("munmap", Gives.ZERO, "addr", "len"),
  MPROTECT("mprotect", Gives.ZERO, "addr", "len", "prot"),
  MSYNC("msync", Gives.ZERO, "addr", "len", "flags"),
  MREMAP("mremap", Gives.ADDRESS, "addr", "old", "new", "flags", "newaddr"),
  BRK("brk", Gives.ADDRESS, "addr"),
  MADVISE("madvise", Gives.ZERO, "addr", "len", "advice"),
  MLOCK("mlock", Gives.ZERO, "addr", "len"),
  MUNLOCK("munlock", Gives.ZERO, "addr", "len"),
  MLOCK2("mlock2", Gives.ZERO, "addr", "len", "flags"),
  MLOCKALL("mlockall", Gives.ZERO, "flags"),
  MUNLOCKALL("munlockall", Gives.ZERO),
  MSEAL("mseal", Gives.ZERO, "addr", "len", "flags"),
  MINCORE("mincore", Gives.ZERO, "addr", "len", "vec"),
  SETRLIMIT("setrlimit", Gives.ZERO, "res", "cur"),
  FORK("fork", Gives.CHILD),
  EXIT("exit", Gives.ZERO),
  READ("read", Gives.TOUCH, "addr"),
  WRITE("write", Gives.TOUCH, "addr", "val"),
  EXEC("exec", Gives.TOUCH, "addr"),
  FAULT("fault", Gives.TOUCH, "addr", "w", "u", "x"),
  PKEY_MPROTECT("pkey_mprotect", Gives.ZERO, Syscall.PKEY_MPROTECT),
  SYS_READ("sys_read", Gives.COUNT, Syscall.READ),
  SYS_WRITE("sys_write", Gives.COUNT, Syscall.WRITE),
  PREAD64("pread64", Gives.COUNT, Syscall.PREAD64),
  PWRITE64("pwrite64", Gives.COUNT, Syscall.PWRITE64),
  LSEEK("lseek", Gives.COUNT, Syscall.LSEEK),
  FTRUNCATE("ftruncate", Gives.ZERO, Syscall.FTRUNCATE),
  FALLOCATE("fallocate", Gives.ZERO, Syscall.FALLOCATE),
  FADVISE64("fadvise64", Gives.ZERO, Syscall.FADVISE64),
  READAHEAD("readahead", Gives.ZERO, Syscall.READAHEAD),
  FSYNC("fsync", Gives.ZERO, Syscall.FSYNC),
  FDATASYNC("fdatasync", Gives.ZERO, Syscall.FDATASYNC),
  FCNTL("fcntl", Gives.COUNT, Syscall.FCNTL),
  CLOSE("close", Gives.ZERO, Syscall.CLOSE),
  SHMGET("shmget", Gives.COUNT, Syscall.SHMGET),
  SHMAT("shmat", Gives.ADDRESS, Syscall.SHMAT),
  SHMDT("shmdt", Gives.ZERO, Syscall.SHMDT),
  SHMCTL("shmctl", Gives.ZERO, Syscall.SHMCTL),
  REMAP_FILE_PAGES("remap_file_pages", Gives.ZERO, Syscall.REMAP_FILE_PAGES),
  PKEY_ALLOC("pkey_alloc", Gives.COUNT, Syscall.PKEY_ALLOC),
  PKEY_FREE("pkey_free", Gives.ZERO, Syscall.PKEY_FREE),
  SETUID("setuid", Gives.ZERO, Syscall.SETUID),
  SETGID("setgid", Gives.ZERO, Syscall.SETGID),
  MBIND("mbind", Gives.ZERO, Syscall.MBIND),
  SET_MEMPOLICY("set_mempolicy", Gives.ZERO, Syscall.SET_MEMPOLICY),
  GET_MEMPOLICY("get_mempolicy", Gives.ZERO, Syscall.GET_MEMPOLICY),
  SET_MEMPOLICY_HOME_NODE("set_mempolicy_home_node", Gives.ZERO, Syscall.SET_MEMPOLICY_HOME_NODE),
  MIGRATE_PAGES("migrate_pages", Gives.COUNT, Syscall.MIGRATE_PAGES),
  MOVE_PAGES("move_pages", Gives.COUNT, Syscall.MOVE_PAGES),
  PRCTL("prctl", Gives.COUNT, Syscall.PRCTL),
  PROCESS_MADVISE("process_madvise", Gives.COUNT, Syscall.PROCESS_MADVISE),
  USERFAULTFD("userfaultfd", Gives.COUNT, Syscall.USERFAULTFD),
  UFFDIO_API("uffdio_api", Gives.ZERO, Syscall.UFFDIO_API),
  UFFDIO_REGISTER("uffdio_register", Gives.ZERO, Syscall.UFFDIO_REGISTER),
  UFFDIO_UNREGISTER("uffdio_unregister", Gives.ZERO, Syscall.UFFDIO_UNREGISTER),
  UFFDIO_WAKE("uffdio_wake", Gives.ZERO, Syscall.UFFDIO_WAKE),
  UFFDIO_COPY("uffdio_copy", Gives.ZERO, Syscall.UFFDIO_COPY),
  UFFDIO_ZEROPAGE("uffdio_zeropage", Gives.ZERO, Syscall.UFFDIO_ZEROPAGE),
  UFFDIO_WRITEPROTECT("uffdio_writeprotect", Gives.ZERO, Syscall.UFFDIO_WRITEPROTECT),
  UFFDIO_CONTINUE("uffdio_continue", Gives.ZERO, Syscall.UFFDIO_CONTINUE),
  UFFDIO_POISON("uffdio_poison", Gives.ZERO, Syscall.UFFDIO_POISON),
  UFFDIO_MOVE("uffdio_move", Gives.ZERO, Syscall.UFFDIO_MOVE),
  /** Makes a file without a name, which the recording calls by the word behind {@code open}. */
  MEMFD_CREATE("memfd_create", Gives.ZERO, "open", "flags"),
  /** The program writes its rights with protection keys. */
  WRPKRU("wrpkru", Gives.ZERO, "pkru"),
  /** Takes the name of the file behind a descriptor away. */
  UNLINK("unlink", Gives.ZERO, "fd"),
  /** Root gives the file behind a descriptor a size, by its path. */
  TRUNCATE("truncate", Gives.ZERO, "fd", "len"),
  /**
   * Root mounts a file system with a size, which later {@code file} lines name; {@code -} for no
   * limit.
   */
  MOUNT("mount", Gives.ZERO, "mount", "fs", "most", "least"),
  /** Somebody writes a file under /proc/sys/vm. */
  SYSCTL("sysctl", Gives.ZERO, "name", "value"),
  /** Somebody writes nr_hugepages of the pages of a size. */
  HUGEPAGES("hugepages", Gives.ZERO, "size", "value"),
  /**
   * Somebody reads a number of the pool of a size: {@code value} is 0 for all pages, 1 for free
   * ones, 2 for those that are promised, 3 for surplus ones.
   */
  POOL("pool", Gives.COUNT, "size", "value"),
  /** prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME); the name is a word, {@code -} for none. */
  SET_VMA_NAME("set_vma_name", Gives.ZERO, "addr", "len", "text"),
  /**
   * ioctl(PAGEMAP_SCAN) of the process on its own pagemap; the struct lies at {@code arg}. After
   * the arguments stands, if it worked, {@code found=WALK_END} and the regions, {@code
   * :START-END:CATEGORIES} each.
   */
  PAGEMAP_SCAN(
      "pagemap_scan",
      Gives.COUNT,
      "arg",
      "size",
      "flags",
      "start",
      "end",
      "vec",
      "vec_len",
      "max_pages",
      "inverted",
      "mask",
      "anyof",
      "return"),
  /** Root writes a number to /proc/PID/clear_refs. */
  CLEAR_REFS("clear_refs", Gives.ZERO, "value"),
  /** prctl(PR_SET_MM, PR_SET_MM_MAP) with what the struct at the address says. */
  SET_MM_MAP(
      "set_mm_map",
      Gives.ZERO,
      "addr",
      "size",
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
      "env_end",
      "auxv",
      "auxv_size",
      "fd"),
  OTHER("other", Gives.ANY, "nr");

  /** The form of a result. */
  public enum Gives {
    /** An address. */
    ADDRESS,
    /** Zero. */
    ZERO,
    /** A number: of bytes, or what names something. */
    COUNT,
    /** A new process. */
    CHILD,
    /** What a touch came to. */
    TOUCH,
    /** Anything. */
    ANY
  }

  private static final Map<String, CallName> BY_NAME = new HashMap<>();

  static {
    for (CallName call : values()) {
      BY_NAME.put(call.text, call);
    }
  }

  private final String text;
  private final Gives gives;

  @SuppressWarnings("ImmutableEnumChecker") // made by List.of, which nobody can change
  private final List<String> keys;

  private final @Nullable Syscall syscall;

  CallName(String text, Gives gives, Syscall syscall) {
    this.text = text;
    this.gives = gives;
    this.keys = syscall.arguments();
    this.syscall = syscall;
  }

  CallName(String text, Gives gives, String... keys) {
    this.text = text;
    this.gives = gives;
    this.keys = List.of(keys);
    this.syscall = null;
  }

  /** As recordings write it. */
  public String text() {
    return text;
  }

  /** The form of its result. */
  public Gives gives() {
    return gives;
  }

  /** How an address space makes it, null for calls that have a method of their own. */
  public @Nullable Syscall syscall() {
    return syscall;
  }

  /** Names of its arguments. */
  public List<String> keys() {
    return keys;
  }

  /**
   * Whether the program itself runs, to make the call or the touch: the others are made by somebody
   * else, are not known, or leave nothing to see.
   */
  public boolean isOfProgram() {
    return switch (this) {
      case UNLINK, TRUNCATE, MOUNT, SYSCTL, HUGEPAGES, POOL, CLEAR_REFS, EXIT, OTHER -> false;
      default -> true;
    };
  }

  /** Whether it is a touch of one byte or a fault, not a system call. */
  public boolean isTouch() {
    return gives == Gives.TOUCH;
  }

  /** The call of that name, or null. */
  public static @Nullable CallName of(String text) {
    return BY_NAME.get(text);
  }

  /** All names, for error messages. */
  public static String all() {
    StringBuilder out = new StringBuilder();
    for (CallName call : values()) {
      out.append(out.isEmpty() ? "" : ", ").append(call.text);
    }
    return out.toString();
  }
}
