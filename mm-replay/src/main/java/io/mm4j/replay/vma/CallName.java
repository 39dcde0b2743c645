// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.vma;

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
  PKEY_MPROTECT("pkey_mprotect", Gives.ZERO, "addr", "len", "prot", "pkey"),
  OTHER("other", Gives.ANY, "nr");

  /** The form of a result. */
  public enum Gives {
    /** An address. */
    ADDRESS,
    /** Zero. */
    ZERO,
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

  CallName(String text, Gives gives, String... keys) {
    this.text = text;
    this.gives = gives;
    this.keys = List.of(keys);
  }

  /** As recordings write it. */
  public String text() {
    return text;
  }

  /** The form of its result. */
  public Gives gives() {
    return gives;
  }

  /** Names of its arguments. */
  public List<String> keys() {
    return keys;
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
