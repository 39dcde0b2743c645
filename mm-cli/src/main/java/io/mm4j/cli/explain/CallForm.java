// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli.explain;

import io.mm4j.api.InputException;
import io.mm4j.api.plugin.Nearest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

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
  MSEAL("mseal", false, "addr len number=0"),
  SETRLIMIT("setrlimit", false, "resource limit"),
  READ("read", true, "addr"),
  WRITE("write", true, "addr value=65"),
  EXEC("exec", true, "addr"),
  TOUCH("touch", true, "addr access=write"),
  FAULT("fault", true, "addr access=write"),
  FORK("fork", false, ""),
  PROCESS("process", false, "pid"),
  EXIT("exit", false, "");

  /** What flags of mmap are if they are not typed. */
  private static final String PLAIN = "MAP_PRIVATE|MAP_ANONYMOUS";

  private final String text;
  private final boolean touch;

  @SuppressWarnings("ImmutableEnumChecker") // made by List.copyOf, which nobody can change
  private final List<String> parameters;

  CallForm(String text, boolean touch, String parameters) {
    this.text = text;
    this.touch = touch;
    this.parameters =
        parameters.isEmpty() ? List.of() : List.copyOf(Arrays.asList(parameters.split(" ", -1)));
  }

  /** The call's name. */
  String text() {
    return text;
  }

  /** Whether it touches a byte, and is no system call. */
  boolean isTouch() {
    return touch;
  }

  /** The names of the arguments. */
  List<String> names() {
    return parameters.stream().map(p -> p.replaceFirst("=.*", "")).toList();
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
    List<String> names = Arrays.stream(values()).map(CallForm::text).toList();
    throw new InputException(
        "cannot explain '" + name + "'" + Nearest.hint(name, names),
        "mm explain",
        String.join(", ", names)
            + ", "
            + String.join(", ", Arrays.stream(PageOp.values()).map(PageOp::text).toList())
            + ", "
            + String.join(", ", SlabExplainer.forms())
            + ", boot");
  }

  /** How it is typed: {@code munmap ADDR LEN}. */
  String usage() {
    StringBuilder out = new StringBuilder(text);
    for (String parameter : parameters) {
      int eq = parameter.indexOf('=');
      String name = shown(eq < 0 ? parameter : parameter.substring(0, eq));
      out.append(' ').append(eq < 0 ? name : "[" + name + "]");
    }
    return out.toString();
  }

  private static String shown(String name) {
    return switch (name) {
      case "mremap", "mlock2", "mlockall", "msync", "number" -> "FLAGS";
      case "access" -> "read|write|exec";
      default -> name.toUpperCase(java.util.Locale.ROOT);
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
    long needed = parameters.stream().filter(p -> !p.contains("=")).count();
    if (this == MMAP) {
      needed = 2;
    }
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
    for (int i = given.size(); i < parameters.size(); i++) {
      String parameter = parameters.get(i);
      String value = parameter.substring(parameter.indexOf('=') + 1);
      given.add(value.equals("*") ? PLAIN : value);
    }
    return given;
  }

  private static boolean isProtection(String word) {
    return word.startsWith("PROT_");
  }
}
