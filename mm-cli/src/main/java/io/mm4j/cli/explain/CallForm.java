// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli.explain;

import io.mm4j.api.InputException;
import io.mm4j.api.plugin.Nearest;
import io.mm4j.api.process.Syscall;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** A call on an address space: its name, its arguments, and what they are if not typed. */
enum CallForm {
  MMAP("mmap", false, "addr=NULL len prot=PROT_READ|PROT_WRITE flags=* fd=-1 off=0"),
  MUNMAP("munmap", false, "addr len"),
  MPROTECT("mprotect", false, "addr len prot"),
  MREMAP("mremap", false, "addr old_len new_len mremap=0 new_addr=NULL"),
  BRK("brk", false, "addr=NULL"),
  MADVISE("madvise", false, "addr len advice"),
  MLOCK("mlock", false, "addr len"),
  MLOCK2("mlock2", false, "addr len mlock2=0"),
  MUNLOCK("munlock", false, "addr len"),
  MLOCKALL("mlockall", false, "mlockall=MCL_CURRENT"),
  MUNLOCKALL("munlockall", false, ""),
  MSYNC("msync", false, "addr len msync=MS_SYNC"),
  MINCORE("mincore", false, "addr len vec=[stack]"),
  MSEAL("mseal", false, "addr len number:FLAGS=0"),
  SETRLIMIT("setrlimit", false, "resource limit"),
  READ("read", true, "addr"),
  WRITE("write", true, "addr value=65"),
  EXEC("exec", true, "addr"),
  TOUCH("touch", true, "addr access=write"),
  FAULT("fault", true, "addr access=write"),
  SYS_READ("sys_read", Syscall.READ, "fd vec=[stack] len"),
  SYS_WRITE("sys_write", Syscall.WRITE, "fd vec=[stack] len"),
  PREAD64("pread64", Syscall.PREAD64, "fd vec len off=0"),
  PWRITE64("pwrite64", Syscall.PWRITE64, "fd vec len off=0"),
  LSEEK("lseek", Syscall.LSEEK, "fd off number:WHENCE=0"),
  FTRUNCATE("ftruncate", Syscall.FTRUNCATE, "fd len"),
  FALLOCATE("fallocate", Syscall.FALLOCATE, "fd falloc off len"),
  FADVISE64("fadvise64", Syscall.FADVISE64, "fd off len fadv"),
  READAHEAD("readahead", Syscall.READAHEAD, "fd off len"),
  FSYNC("fsync", Syscall.FSYNC, "fd"),
  FCNTL("fcntl", Syscall.FCNTL, "fd seal:COMMAND seal:SEALS=0"),
  MEMFD_CREATE("memfd_create", false, "mfd=0"),
  MEMFD_SECRET("memfd_secret", Syscall.MEMFD_SECRET, "secret=0"),
  PIPE2("pipe2", Syscall.PIPE2, "vec=[stack] pipe=0"),
  MOUNT("mount", false, "fs size=none size:MIN_SIZE=none"),
  CREAT("creat", false, "fd"),
  UNLINK("unlink", false, "fd"),
  CLOSE("close", Syscall.CLOSE, "fd"),
  SHMGET("shmget", Syscall.SHMGET, "ipc:KEY=IPC_PRIVATE len ipc=IPC_CREAT"),
  SHMAT("shmat", Syscall.SHMAT, "number:SHMID addr=NULL shm=0"),
  SHMDT("shmdt", Syscall.SHMDT, "addr"),
  SHMCTL("shmctl", Syscall.SHMCTL, "number:SHMID shmctl=IPC_RMID addr:BUFFER=NULL"),
  REMAP_FILE_PAGES(
      "remap_file_pages", Syscall.REMAP_FILE_PAGES, "addr len prot=0 number:PGOFF flags=0"),
  PKEY_MPROTECT("pkey_mprotect", Syscall.PKEY_MPROTECT, "addr len prot pkey=0"),
  PKEY_ALLOC("pkey_alloc", Syscall.PKEY_ALLOC, "number:FLAGS=0 number:RIGHTS=0"),
  PKEY_FREE("pkey_free", Syscall.PKEY_FREE, "pkey"),
  WRPKRU("wrpkru", false, "pkru"),
  RDPKRU("rdpkru", false, ""),
  SETUID("setuid", Syscall.SETUID, "number:UID"),
  SETGID("setgid", Syscall.SETGID, "number:GID"),
  MBIND("mbind", Syscall.MBIND, "addr len mpol number:NODEMASK=0 number:MAXNODE=64 mpol_mf=0"),
  SET_MEMPOLICY("set_mempolicy", Syscall.SET_MEMPOLICY, "mpol number:NODEMASK=0 number:MAXNODE=64"),
  GET_MEMPOLICY(
      "get_mempolicy",
      Syscall.GET_MEMPOLICY,
      "addr:MODE_AT addr:NODEMASK_AT=NULL number:MAXNODE=64 addr=NULL mpol_f=0"),
  SET_MEMPOLICY_HOME_NODE(
      "set_mempolicy_home_node",
      Syscall.SET_MEMPOLICY_HOME_NODE,
      "addr len number:NODE number:FLAGS=0"),
  MIGRATE_PAGES(
      "migrate_pages", Syscall.MIGRATE_PAGES, "number:MAXNODE number:OLD_NODES number:NEW_NODES"),
  MOVE_PAGES("move_pages", Syscall.MOVE_PAGES, "addr node=-1 mpol_mf=0"),
  PRCTL("prctl", Syscall.PRCTL, "prctl arg2=0 addr:ARG3=0 number:ARG4=0 number:ARG5=0"),
  PROCESS_MADVISE(
      "process_madvise", Syscall.PROCESS_MADVISE, "number:SELF=1 addr len advice number:FLAGS=0"),
  PROCESS_VM_READV(
      "process_vm_readv",
      Syscall.PROCESS_VM_READV,
      "pid addr:LOCAL number:LOCAL_COUNT=1 addr:REMOTE number:REMOTE_COUNT=1 number:FLAGS=0"),
  PROCESS_VM_WRITEV(
      "process_vm_writev",
      Syscall.PROCESS_VM_WRITEV,
      "pid addr:LOCAL number:LOCAL_COUNT=1 addr:REMOTE number:REMOTE_COUNT=1 number:FLAGS=0"),
  USERFAULTFD("userfaultfd", Syscall.USERFAULTFD, "uffd=0"),
  UFFDIO_API("uffdio_api", Syscall.UFFDIO_API, "fd uffd_feature=0 number:API=0xaa"),
  UFFDIO_REGISTER(
      "uffdio_register",
      Syscall.UFFDIO_REGISTER,
      "fd addr len uffd_register=UFFDIO_REGISTER_MODE_MISSING"),
  UFFDIO_UNREGISTER("uffdio_unregister", Syscall.UFFDIO_UNREGISTER, "fd addr len"),
  UFFDIO_WAKE("uffdio_wake", Syscall.UFFDIO_WAKE, "fd addr len"),
  UFFDIO_COPY("uffdio_copy", Syscall.UFFDIO_COPY, "fd addr src len uffd_copy=0"),
  UFFDIO_ZEROPAGE("uffdio_zeropage", Syscall.UFFDIO_ZEROPAGE, "fd addr len uffd_zeropage=0"),
  UFFDIO_WRITEPROTECT(
      "uffdio_writeprotect",
      Syscall.UFFDIO_WRITEPROTECT,
      "fd addr len uffd_wp=UFFDIO_WRITEPROTECT_MODE_WP"),
  UFFDIO_CONTINUE("uffdio_continue", Syscall.UFFDIO_CONTINUE, "fd addr len uffd_continue=0"),
  UFFDIO_POISON("uffdio_poison", Syscall.UFFDIO_POISON, "fd addr len uffd_poison=0"),
  UFFDIO_MOVE("uffdio_move", Syscall.UFFDIO_MOVE, "fd addr src len uffd_move=0"),
  PAGEMAP_SCAN("pagemap_scan", false, "addr len page_is=0 pm_scan=0"),
  CLEAR_REFS("clear_refs", false, "number:WHAT=4"),
  FORK("fork", false, ""),
  PROCESS("process", false, "pid"),
  EXIT("exit", false, "");

  /** What flags of mmap are if they are not typed. */
  private static final String PLAIN = "MAP_PRIVATE|MAP_ANONYMOUS";

  private final String text;
  private final boolean touch;

  @SuppressWarnings("ImmutableEnumChecker") // made by List.copyOf, which nobody can change
  private final List<String> parameters;

  private final @Nullable Syscall syscall;

  CallForm(String text, boolean touch, String parameters) {
    this(text, touch, null, parameters);
  }

  CallForm(String text, Syscall syscall, String parameters) {
    this(text, false, syscall, parameters);
  }

  CallForm(String text, boolean touch, @Nullable Syscall syscall, String parameters) {
    this.text = text;
    this.touch = touch;
    this.syscall = syscall;
    this.parameters =
        parameters.isEmpty() ? List.of() : List.copyOf(Arrays.asList(parameters.split(" ", -1)));
  }

  /** How an address space makes it, null for calls that have a method of their own. */
  @Nullable Syscall syscall() {
    return syscall;
  }

  /** The call's name. */
  String text() {
    return text;
  }

  /** Whether it touches a byte, and is no system call. */
  boolean isTouch() {
    return touch;
  }

  /** What each argument is: a kind that {@link Arguments} knows. */
  List<String> kinds() {
    return parameters.stream().map(p -> p.replaceFirst("[:=].*", "")).toList();
  }

  /** What each argument is called, in small letters. */
  List<String> names() {
    return parameters.stream().map(CallForm::name).toList();
  }

  private static String name(String parameter) {
    String name = parameter.replaceFirst("=.*", "");
    int colon = name.indexOf(':');
    if (colon >= 0) {
      return name.substring(colon + 1).toLowerCase(Locale.ROOT);
    }
    return switch (name) {
      case "mremap", "mlock2", "mlockall", "msync", "falloc", "mfd", "shm", "pipe", "secret" ->
          "flags";
      default -> name;
    };
  }

  /** Whether a call is called so. */
  static boolean exists(String name) {
    return Arrays.stream(values()).anyMatch(c -> c.text.equals(name));
  }

  /** The call of that name. */
  static CallForm of(String name) {
    for (CallForm form : values()) {
      if (form.text.equals(name)) {
        return form;
      }
    }
    boolean known = OperationWords.names().contains(name) || name.equals(BootExplainer.OPERATION);
    if (known) {
      throw new InputException(
          "'" + name + "' does not go with calls of processes",
          "mm explain",
          "operations of one kind at once: calls of processes and requests for pages, or requests"
              + " to the slab allocator, or for kernel addresses, or boot");
    }
    List<String> names = Arrays.stream(values()).map(CallForm::text).toList();
    throw new InputException(
        "cannot explain '" + name + "'" + Nearest.hint(name, OperationWords.names()),
        "mm explain",
        String.join(", ", names)
            + ", "
            + String.join(", ", Arrays.stream(PageOp.values()).map(PageOp::text).toList())
            + ", "
            + String.join(", ", SlabExplainer.forms())
            + ", "
            + String.join(", ", SpaceExplainer.forms())
            + ", "
            + BootExplainer.OPERATION);
  }

  /** How it is typed: {@code munmap ADDR LEN}. */
  String usage() {
    StringBuilder out = new StringBuilder(text);
    for (String parameter : parameters) {
      String name = label(parameter);
      out.append(' ').append(isOptional(parameter) ? "[" + name + "]" : name);
    }
    return out.toString();
  }

  private static boolean isOptional(String parameter) {
    return parameter.contains("=");
  }

  private String label(String parameter) {
    String name = parameter.replaceFirst("=.*", "");
    int colon = name.indexOf(':');
    return colon < 0 ? labelOfKind(name) : name.substring(colon + 1);
  }

  private String labelOfKind(String kind) {
    return switch (kind) {
      case "mremap",
          "mlock2",
          "mlockall",
          "msync",
          "falloc",
          "seal",
          "mpol_mf",
          "mpol_f",
          "mfd",
          "ipc",
          "shm",
          "pm_scan",
          "pipe",
          "secret",
          "uffd" ->
          "FLAGS";
      case "uffd_feature" -> "FEATURES";
      case "uffd_register",
          "uffd_copy",
          "uffd_zeropage",
          "uffd_wp",
          "uffd_continue",
          "uffd_poison",
          "uffd_move" ->
          "MODE";
      case "page_is" -> "CATEGORIES";
      case "mpol" -> "MODE";
      case "fadv" -> "ADVICE";
      case "shmctl" -> "COMMAND";
      case "prctl" -> "OPTION";
      case "vec" -> this == MINCORE ? "VEC" : "BUFFER";
      case "access" -> "read|write|exec";
      case "fs" -> String.join("|", MountedFiles.KINDS);
      default -> kind.toUpperCase(Locale.ROOT);
    };
  }

  /** The typed arguments, completed by what was not typed. */
  List<String> complete(List<String> typed) {
    List<String> given = new ArrayList<>(typed);
    // mmap LEN and mmap LEN PROT: who gives no address means anywhere.
    boolean noAddress =
        this == MMAP && (given.size() == 1 || (given.size() > 1 && isProtection(given.get(1))));
    if (noAddress) {
      given.addFirst("NULL");
    }
    int needed = this == MMAP ? 2 : (int) parameters.stream().filter(p -> !isOptional(p)).count();
    if (given.size() < needed || given.size() > parameters.size()) {
      throw new InputException(
          (given.size() < needed ? "arguments are missing" : "too many arguments")
              + " in '"
              + String.join(" ", typed.isEmpty() ? List.of(text) : typed)
              + "'",
          text,
          usage()
              + (given.size() < needed
                  ? " (a shell replaces $1 in double quotes: write r1, or single quotes)"
                  : ""));
    }
    return filled(given);
  }

  /** What was typed goes to what must be typed, the rest to the first ones that need not. */
  private List<String> filled(List<String> given) {
    long spare = given.size() - parameters.stream().filter(p -> !isOptional(p)).count();
    List<String> all = new ArrayList<>();
    int next = 0;
    for (String parameter : parameters) {
      if (!isOptional(parameter)) {
        all.add(given.get(next++));
      } else if (spare > 0) {
        all.add(given.get(next++));
        spare--;
      } else {
        String value = parameter.substring(parameter.indexOf('=') + 1);
        all.add(value.equals("*") ? PLAIN : value);
      }
    }
    return all;
  }

  private static boolean isProtection(String word) {
    return word.startsWith("PROT_");
  }
}
