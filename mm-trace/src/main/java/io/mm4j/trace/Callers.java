// SPDX-License-Identifier: Apache-2.0

package io.mm4j.trace;

import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * Who asks at this moment, by the names that a function graph shows: the functions of the kernel
 * among mm4j's methods, and every method of a third party's plugin.
 */
final class Callers {
  private static final StackWalker STACK =
      StackWalker.getInstance(StackWalker.Option.RETAIN_CLASS_REFERENCE); // for descriptors
  private static final String OURS = "io.mm4j.";

  /**
   * One function on the stack.
   *
   * @param function as the kernel spells it
   * @param method {@code Type.method}
   */
  private record Caller(String function, String method) {
    boolean isAmong(Set<String> names) {
      return names.contains(function) || names.contains(method);
    }
  }

  private Callers() {}

  /**
   * Whether somebody who asks is among some and nobody is among others, as {@code
   * fail_stacktrace()} of lib/fault-inject.c (Linux 6.18) decides it.
   *
   * @param required one of them is there; empty for no matter who
   * @param rejected none of them is there
   * @param depth how many functions are looked at, the innermost first
   */
  static boolean match(Set<String> required, Set<String> rejected, long depth) {
    if (required.isEmpty() && rejected.isEmpty()) {
      return true;
    }
    List<Caller> callers =
        STACK.walk(frames -> frames.flatMap(f -> of(f).stream()).limit(depth).toList());
    return callers.stream().noneMatch(caller -> caller.isAmong(rejected))
        && (required.isEmpty() || callers.stream().anyMatch(caller -> caller.isAmong(required)));
  }

  /** A frame that is a function, if it is one. */
  private static Optional<Caller> of(StackWalker.StackFrame frame) {
    String className = frame.getClassName();
    String type = className.substring(className.lastIndexOf('.') + 1).replaceFirst(".*\\$", "");
    String method = frame.getMethodName();
    int parameters = FunctionGraph.parameters(frame.getDescriptor());
    boolean passedOver =
        className.startsWith(OURS)
            ? !KernelNames.isShown(type, method, parameters)
            : className.startsWith("java.") || className.startsWith("jdk.");
    String origin = className.replaceFirst("[^.$]*\\$", "") + "." + method;
    return passedOver
        ? Optional.empty()
        : Optional.of(
            new Caller(
                FunctionGraph.name(origin + "/" + frame.getDescriptor()), type + "." + method));
  }
}
